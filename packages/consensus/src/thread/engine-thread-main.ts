import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Env, processEnv } from '@troupe/actor';
import { toldLog } from '@troupe/actor/internal';
import {
  advertisedTransport,
  networkTransport,
  ToldCertificates,
  type Transport,
} from '@troupe/remote';
import { openDirectory } from '../disk-store.ts';
import { EndpointWire } from '../endpoint-wire.ts';
import { Engine } from '../engine.ts';
import type { LogStore } from '../log-store.ts';
import type { Wire } from '../wire.ts';
import { EngineHost } from './engine-host.ts';
import { NodeDoor } from './node-door.ts';
import type { News, Order } from './orders.ts';
import type { EngineThreadStart, ThreadNews, ThreadOrder } from './thread-start.ts';
import { tellError } from './told-error.ts';
import { wayOf } from './way.ts';

/** The driver of a node's groups on a thread of its own, with its log and its lines. */
class EngineThread {
  readonly #parent: MessagePort;
  readonly #start: EngineThreadStart;
  readonly #env: Env;
  readonly #addresses = new Map<string, string>();
  readonly #certificates: ToldCertificates | undefined;
  #store: LogStore | undefined;
  #door: NodeDoor | undefined;

  constructor(parent: MessagePort, start: EngineThreadStart) {
    this.#parent = parent;
    this.#start = start;
    this.#certificates = start.tls && new ToldCertificates(start.tls);
    const log = toldLog((news) => this.#tell(news)); // The log of the thread is its node's.
    this.#env = processEnv({ log });
  }

  async run(): Promise<void> {
    this.#parent.on('message', (order: ThreadOrder) => this.#follow(order));
    try {
      const { self, data, log, tickMs, handOverAfterMs, port } = this.#start;
      const env = this.#env;
      const node = self.name;
      // In place: whatever this thread would do meanwhile waits for what is being saved.
      const own = { node, env, inPlace: env };
      if (data !== undefined) this.#store = await openDirectory(data, { ...log, ...own });
      const wire = await this.#openWire();
      const driver = new Engine({
        node,
        env,
        ...(this.#store && { store: this.#store }),
        ...(wire && { wire }),
        ...(tickMs !== undefined && { tickMs }),
      });
      const close = async (): Promise<void> => this.#door?.close();
      const way = wayOf<News, Order>(port);
      new EngineHost({ env, driver, way, handOverAfterMs, close }).start();
      this.#tell({ kind: 'ready', address: this.#door?.address ?? '' });
    } catch (error) {
      await this.#store?.close();
      this.#tell({ kind: 'failed', error: tellError(error) });
    }
  }

  async #openWire(): Promise<Wire | undefined> {
    const { self, listen, secret } = this.#start;
    if (listen === undefined) return undefined;
    const env = this.#env;
    this.#door = new NodeDoor({ env, self, secret, transport: this.#transport() });
    await this.#door.open(listen);
    const addressOf = (node: string): string | undefined => this.#addresses.get(node);
    return new EndpointWire({ lines: this.#door.lines, addressOf, env });
  }

  #transport(): Transport {
    const { advertise } = this.#start;
    const network = networkTransport({ tls: this.#certificates?.transport });
    return advertise === undefined ? network : advertisedTransport(network, advertise);
  }

  #follow(order: ThreadOrder): void {
    if (order.kind === 'address') {
      this.#addresses.set(order.node, order.address);
      return;
    }
    this.#certificates?.renew(order.tls).catch((error: unknown) => {
      this.#env.log.error({ error }, 'renewed certificates cannot be used');
    });
  }

  #tell(news: ThreadNews): void {
    this.#parent.postMessage(news);
  }
}

if (parentPort !== null) void new EngineThread(parentPort, workerData as EngineThreadStart).run();
