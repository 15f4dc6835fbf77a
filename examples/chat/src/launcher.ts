import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePorts } from './ports.ts';

/** What a node process tells the launcher over IPC, once it serves. */
export interface Ready {
  readonly kind: 'ready';
  /** Where its page is. */
  readonly web: string;
  /** Where other nodes reach it. */
  readonly address: string;
}

export interface LaunchOptions {
  readonly nodes: number;
  /** Of the first page; cluster ports lie 1,000 below. */
  readonly port: number;
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
/** From one node's ports to the next set, when the defaults are taken. */
const PORT_STEP = 10;
const CLUSTER_PORTS_BELOW = 1_000;
const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 8_000;

/** A node process, from its start to its end. */
interface Launched {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ready: Promise<Ready>;
  readonly ended: Promise<void>;
  isDown: boolean;
}

/**
 * Runs the cluster until it is told to stop, or until no process is left.
 * @returns the exit code
 */
export async function launch(options: LaunchOptions): Promise<number> {
  const stop = stopSignal();
  const launched: Launched[] = [];
  try {
    const stopped = aborted(stop);
    const ready = await Promise.race([startAll(options, launched, stop), stopped]);
    if (ready !== undefined) announce(launched, ready);
    await Promise.race([stopped, Promise.all(launched.map(({ ended }) => ended))]);
    return stop.aborted ? 0 : 1;
  } catch (error) {
    if (stop.aborted) return 0;
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    await stopAll(launched, stop);
  }
}

/** The first node starts alone; the others join it, each with a port that is certainly its own. */
async function startAll(
  { nodes, port }: LaunchOptions,
  launched: Launched[],
  stop: AbortSignal,
): Promise<readonly Ready[]> {
  const names = NAMES.slice(0, nodes);
  console.log(`starting ${nodes === 1 ? 'node' : 'nodes'} ${names.join(', ')} …`);
  const web = await freePorts(port, nodes, PORT_STEP);
  const cluster = await freePorts(Math.max(port - CLUSTER_PORTS_BELOW, 1), nodes, PORT_STEP);
  const begin = (index: number, join: readonly string[]): Promise<Ready> => {
    stop.throwIfAborted();
    const args = ['--name', names[index] ?? ''];
    args.push('--listen', `127.0.0.1:${cluster[index]}`, '--web', `127.0.0.1:${web[index]}`);
    for (const address of join) args.push('--join', address);
    const node = startNodeProcess(names[index] ?? '', args, stop);
    launched.push(node);
    return node.ready;
  };
  const first = await begin(0, []);
  const others = names.slice(1).map((_, index) => begin(index + 1, [first.address]));
  return [first, ...(await Promise.all(others))];
}

function startNodeProcess(name: string, args: readonly string[], stop: AbortSignal): Launched {
  const main = fileURLToPath(new URL('main.js', import.meta.url));
  // With IPC, a child learns from the closed channel that the launcher is gone, however it went.
  const child = fork(main, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      node.isDown = true;
      const how = signal === null ? `it exited with code ${code}` : `it was killed by ${signal}`;
      if (!stop.aborted) console.error(`node ${name} is gone: ${how}.`);
      resolve();
    });
  });
  const node: Launched = {
    name,
    child,
    ready: firstWord(name, child, ended),
    ended,
    isDown: false,
  };
  return node;
}

/** The child's first message, or why there is none. */
function firstWord(name: string, child: ChildProcess, ended: Promise<void>): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`node ${name} did not start: ${why}`));
    const timer = setTimeout(() => fail('it took too long'), READY_TIMEOUT_MS);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(message as Ready);
    });
    child.once('error', (error) => fail(error.message));
    void ended.then(() => {
      clearTimeout(timer);
      fail('its process ended');
    });
  });
}

function announce(launched: readonly Launched[], ready: readonly Ready[]): void {
  console.log('');
  for (const [index, { web, address }] of ready.entries()) {
    const { name, child } = launched[index] as Launched;
    console.log(`  node ${name}   ${web}   cluster ${address}   pid ${child.pid}`);
  }
  // `timeOrigin` is when this process began, so the build is counted in.
  const seconds = (performance.now() / 1_000).toFixed(1);
  console.log(`\nready in ${seconds} s. Open two of the pages and say something;`);
  console.log('then kill -9 a process and go on talking. Ctrl-C stops all.');
}

async function stopAll(launched: readonly Launched[], stop: AbortSignal): Promise<void> {
  const running = launched.filter(({ isDown }) => !isDown);
  if (running.length === 0) return;
  if (stop.aborted) console.log('\nstopping …');
  for (const { child } of running) child.kill('SIGTERM');
  const timer = setTimeout(() => {
    for (const { name, child, isDown } of running) {
      if (isDown) continue;
      console.error(`node ${name} did not stop within ${STOP_TIMEOUT_MS / 1_000} s: killed`);
      child.kill('SIGKILL');
    }
  }, STOP_TIMEOUT_MS);
  await Promise.all(running.map(({ ended }) => ended));
  clearTimeout(timer);
  if (stop.aborted) console.log('all stopped.');
}

/** Aborted by the first Ctrl-C or SIGTERM; the second one ends this process as usual. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => controller.abort(signal));
  }
  return controller.signal;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
