import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Log, processEnv } from '@troupe/actor';
import { copied, toldLog } from '@troupe/actor/internal';
import {
  advertisedTransport,
  networkTransport,
  type TlsTransport,
  ToldCertificates,
  type Transport,
  workerTransport,
} from '@troupe/remote';
import { loadModule } from './load-module.ts';
import type { Node } from './node.ts';
import type { NodeOptions } from './node-options.ts';
import { startNode } from './start-node.ts';
import type { WorkerNews, WorkerOrder, WorkerStart } from './workers.ts';

/** The whole of a worker: it starts a node of its own, and stops it when it is told to. */
async function run(parent: MessagePort, start: WorkerStart): Promise<void> {
  const tell = (news: WorkerNews): void => parent.postMessage(news);
  const log = toldLog(tell); // The log of the thread is its node's.
  const certificates = start.tls === undefined ? undefined : new ToldCertificates(start.tls);
  const started = optionsOf(start, log, certificates?.transport).then(startNode);
  // From now on the thread stays until it is told to end.
  parent.on('message', (order: WorkerOrder) => {
    if (order.kind === 'stop') return void started.then((node) => stop(node, order.timeoutMs));
    certificates?.renew(order.tls).catch((error: unknown) => {
      log.error({ error }, 'renewed certificates cannot be used');
    });
  });
  try {
    await started;
    tell({ kind: 'ready' });
  } catch (error) {
    tell({ kind: 'failed', error: copied(error) });
    parent.close(); // And with it the thread.
  }
}

async function stop(node: Node, timeoutMs: number): Promise<void> {
  await node.stop(timeoutMs);
  process.exit(); // Of this thread alone, whatever its actors have left running.
}

async function optionsOf(
  start: WorkerStart,
  log: Log,
  tls: TlsTransport | undefined,
): Promise<NodeOptions> {
  const { name, listen, advertise, parent, modules, secret, callTimeoutMs, limits, port } = start;
  const options: NodeOptions = {
    name,
    listen,
    join: [parent],
    actors: modules.map((href) => new URL(href)),
    transport: workerTransport(port, networkOf(tls, advertise)),
    env: processEnv({ log }),
    ...(secret !== undefined && { secret }),
    ...(callTimeoutMs !== undefined && { callTimeoutMs }),
    ...(limits !== undefined && { limits }),
  };
  return start.setup === undefined ? options : setUp(start.setup, options);
}

function networkOf(tls: TlsTransport | undefined, advertise: string | undefined): Transport {
  const network = networkTransport({ tls });
  return advertise === undefined ? network : advertisedTransport(network, advertise);
}

async function setUp(href: string, options: NodeOptions): Promise<NodeOptions> {
  const { setup } = (await loadModule(href)) as { setup?: (options: NodeOptions) => NodeOptions };
  if (typeof setup === 'function') return setup(options);
  throw new TypeError(`${href} exports no function 'setup'`);
}

if (parentPort !== null) void run(parentPort, workerData as WorkerStart);
