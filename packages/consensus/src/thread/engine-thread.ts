import { MessageChannel, Worker } from 'node:worker_threads';
import type { Env } from '@troupe/actor';
import type { PeerIdentity, Secret, TlsTransport } from '@troupe/remote';
import type { Driver } from '../driver.ts';
import type { NodeId } from '../consensus.ts';
import { BadOption } from '../errors.ts';
import { checkTickMs } from '../group-options.ts';
import type { LogTuning } from '../log-options.ts';
import type { News, Order } from './orders.ts';
import type { EngineThreadStart, ThreadNews, ThreadOrder } from './thread-start.ts';
import { ThreadedEngine } from './threaded-engine.ts';
import { toldError } from './told-error.ts';
import { wayOf } from './way.ts';

const HAND_OVER_AFTER_MS = 10_000;

export interface EngineThreadOptions {
  /** The node, as others know it; its name is that of an `Engine`. */
  readonly self: PeerIdentity;
  readonly env: Env;
  /** The directory of the node, which the thread opens. Default: in memory. */
  readonly data?: string | undefined;
  /** How the log in `data` uses its disk, as of `openDirectory`. */
  readonly log?: LogTuning | undefined;
  /** Where it takes lines, `host:port` or `unix:/path`. Default: nowhere, for a node alone. */
  readonly listen?: string | undefined;
  /** Where others dial it, when that is elsewhere; port 0 stands for the one it listens on. */
  readonly advertise?: string | undefined;
  /** Of the cluster; needed beyond this machine. */
  readonly secret?: Secret | undefined;
  /** Certificates; the thread follows when they are renewed. */
  readonly tls?: TlsTransport | undefined;
  /** As of an `Engine`. Default: 30. */
  readonly tickMs?: number | undefined;
  /**
   * Milliseconds for which the main loop may stand still before the thread lets other nodes lead.
   * Default: 10,000.
   */
  readonly handOverAfterMs?: number | undefined;
}

/** The thread of a `ThreadedEngine`: what it listens at, and whom it can dial. */
export class EngineThread {
  readonly driver: Driver;
  /** Where lines to this node are dialled; empty when it listens nowhere. */
  readonly address: string;
  readonly #worker: Worker;

  private constructor(driver: Driver, address: string, worker: Worker) {
    this.driver = driver;
    this.address = address;
    this.#worker = worker;
  }

  /**
   * @throws {BadOption} when an option makes no sense
   * @throws {DirectoryInUse | LogDamaged | WrongLog} for what is in the directory
   * @throws {ListenFailed} when it cannot listen there
   */
  static async start(options: EngineThreadOptions): Promise<EngineThread> {
    const { self, env, tls, handOverAfterMs = HAND_OVER_AFTER_MS, tickMs } = options;
    if (tickMs !== undefined) checkTickMs(tickMs);
    if (!(handOverAfterMs > 0)) {
      throw new BadOption('handOverAfterMs', handOverAfterMs, 'give milliseconds, more than 0');
    }
    const { data, log, listen, advertise, secret } = options;
    if (log !== undefined && data === undefined) {
      throw new BadOption('log', log, 'a log in memory has no files: give data, or leave it out');
    }
    const credentials = await tls?.credentials();
    const own = { data, log, listen, advertise, secret, tls: credentials };
    const start = { self, ...own, tickMs, handOverAfterMs };
    const { port1, port2: port } = new MessageChannel();
    const worker = new Worker(new URL('./engine-thread-main.js', import.meta.url), {
      name: `${self.name} consensus`,
      workerData: { ...start, port } satisfies EngineThreadStart,
      transferList: [port],
    });
    const forgetTls = tls?.onReload((renewed) => {
      worker.postMessage({ kind: 'tls', tls: renewed } satisfies ThreadOrder);
    });
    const end = async (): Promise<void> => {
      forgetTls?.();
      port1.close();
      await worker.terminate();
    };
    try {
      const address = await readyOf(worker, env);
      const way = wayOf<Order, News>(port1);
      const engine = new ThreadedEngine({ node: self.name, env, way, end });
      worker.once('error', (error: Error) => engine.failed(error));
      worker.once('exit', (code) => engine.failed(new Error(`it has ended with ${code}`)));
      return new EngineThread(engine, address, worker);
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** From now on lines to `node` are dialled there. */
  reach(node: NodeId, address: string): void {
    this.#worker.postMessage({ kind: 'address', node, address } satisfies ThreadOrder);
  }
}

/** Resolves with the address when the thread runs; what it logs is logged from then on. */
function readyOf(worker: Worker, { log }: Env): Promise<string> {
  return new Promise((resolve, reject) => {
    worker.on('message', (news: ThreadNews) => {
      if (news.kind === 'ready') resolve(news.address);
      else if (news.kind === 'failed') reject(toldError(news.error));
      else log[news.level](news.fields, news.message);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`the thread of consensus ended with ${code}`)));
  });
}
