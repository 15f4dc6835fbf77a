import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { firstLine, freePort } from './pair.ts';

/**
 * Starts what a measurement between two Erlang nodes takes, each a child of this process: the
 * port mapper on a port of its own, the node that is called, and the node that calls and prints.
 *
 *     node erlang-remote.js BEAMS BENCH OPERATIONS MS WARM_UP_MS
 */
const [beams = '', ...args] = process.argv.slice(2);

/** The port mapper says nothing when it is ready: whoever can connect knows. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      socket.destroy();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function nodeArgs(name: string, ...run: readonly string[]): string[] {
  const node = ['-sname', `${name}@localhost`, '-setcookie', 'bench', '-start_epmd', 'false'];
  return ['-noinput', ...node, '-pa', beams, '-run', 'remote', ...run];
}

const port = await freePort();
const env = {
  ERL_EPMD_PORT: `${port}`,
  ERL_EPMD_ADDRESS: '127.0.0.1',
  ERL_AFLAGS: '-kernel inet_dist_use_interface {127,0,0,1}',
};
const children: ChildProcess[] = [];
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

function start(
  file: string,
  args: readonly string[],
  output: 'ignore' | 'inherit' | 'pipe',
): ChildProcess {
  const options = { env: { ...process.env, ...env } };
  const child = spawn(file, args, {
    stdio: ['ignore', output, output === 'ignore' ? 'ignore' : 'inherit'],
    ...options,
  });
  children.push(child);
  return child;
}

start('epmd', ['-port', `${port}`], 'ignore');
await listening(port);
await firstLine(start('erl', nodeArgs('bench-server', 'serve'), 'pipe'));
const caller = start('erl', nodeArgs('bench-client', 'main', ...args), 'inherit');
const [code] = (await once(caller, 'exit')) as [number | null];
process.exit(code ?? 1);
