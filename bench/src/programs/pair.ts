import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The word that makes a program the second process of its pair. */
const SERVE = 'serve';

/** Whether this process is the one that is called. */
export const isServer: boolean = process.argv[2] === SERVE;

/** Certificates for both sides, when the harness names a folder that has some. */
export const certificates: { key: string; cert: string; ca: string } | undefined = readIn(
  process.env['BENCH_CERTIFICATES'],
);

function readIn(folder: string | undefined): typeof certificates {
  if (folder === undefined) return undefined;
  const [key = '', cert = '', ca = ''] = ['key.pem', 'cert.pem', 'ca.pem'].map((file) =>
    readFileSync(join(folder, file), 'utf8'),
  );
  return { key, cert, ca };
}

/**
 * Starts this very program a second time, to be called. It ends with this one.
 * @returns what it prints first: where it can be reached
 */
export function startServer(): Promise<string> {
  const args = [...process.execArgv, process.argv[1] ?? '', SERVE];
  return firstLine(spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
}

/** Waits until a process says on a line that it is ready. @returns the line */
export async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the output is not a pipe');
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${child.spawnfile} ended with ${code} before it was ready`);
  });
  ended.catch(() => undefined); // Later it may.
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [
    string,
  ];
  return line;
}

/** Tells whoever started this server that it is ready, and ends when they do. */
export function ready(address: string): void {
  process.stdin.on('end', () => process.exit(0)).resume();
  process.stdout.write(`${address}\n`);
}

/** A port that nobody listens on now, for what cannot choose one itself. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
