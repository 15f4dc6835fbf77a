import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, lstatSync, renameSync, type Stats, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname, isAbsolute, join } from 'node:path';
import { errorOf } from '@troupe/actor/internal';
import { ReadBlock, type Reader } from './read-block.ts';
import { connected, SocketConnection } from './socket-connection.ts';
import {
  type Connection,
  type DialOptions,
  type Listener,
  ListenFailed,
  type Transport,
} from './transport.ts';

const SCHEME = 'unix:';
/** Some systems cut longer paths off without a word, and then listen elsewhere. */
const PATH_BYTES_MAX = 100;
const OWNER_ONLY = 0o600;

/**
 * Unix sockets, for nodes of one machine and one user: `unix:/run/app/a.sock`. The file system
 * says who may connect; the socket itself is its owner's alone.
 */
export function unixTransport(): Transport {
  const needsSecret = (address: string): boolean => pathOf(address) === '';
  const block = new ReadBlock();
  return {
    name: 'unix',
    needsSecret,
    listen: (address, accept) => listen(address, accept, block),
    dial: (address, options) => dial(address, options, block),
  };
}

/** @throws {TypeError} */
function pathOf(address: string): string {
  const path = address.slice(SCHEME.length);
  if (address.startsWith(SCHEME) && isAbsolute(path) && !path.includes('\0')) return path;
  throw new TypeError(`an address is unix: and an absolute path, not '${address}'`);
}

/**
 * The socket is made under another name, closed to others, and only then linked to its own: so it
 * never stands open, and of two nodes that start at once one finds the name taken.
 */
async function listen(
  address: string,
  accept: (connection: Connection) => void,
  block: ReadBlock,
): Promise<Listener> {
  const path = pathOf(address);
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw new ListenFailed(address, `paths of sockets have at most ${PATH_BYTES_MAX} bytes`);
  }
  const hidden = join(dirname(path), `.${randomBytes(4).toString('hex')}`);
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const reader: Reader = {};
    block.divert(socket, reader);
    accept(unixConnection(socket, address, reader));
  });
  try {
    await bind(server, hidden);
    chmodSync(hidden, OWNER_ONLY);
    await clear(address, path);
    linkSync(hidden, path);
  } catch (cause) {
    server.close();
    throw cause instanceof ListenFailed ? cause : failure(address, cause);
  } finally {
    removed(hidden);
  }
  const own = lstatSync(path);
  return { address, close: () => close(server, path, own) };
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Removes a socket that a node has left behind when it died; nothing else is touched. */
async function clear(address: string, path: string): Promise<void> {
  const found = statOf(path);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new ListenFailed(address, 'a file that is no socket is there; choose another path');
  }
  if (await answers(path)) {
    throw new ListenFailed(address, 'another process listens there; choose another path');
  }
  // Taken aside first: what is removed must be what was asked, not what another node put there.
  const aside = `${path}.${randomBytes(4).toString('hex')}`;
  renameSync(path, aside);
  if (!isSame(lstatSync(aside), found)) linkSync(aside, path);
  unlinkSync(aside);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    const tell = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => tell(true));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => tell(code !== 'ECONNREFUSED'));
  });
}

function close(server: Server, path: string, own: Stats): Promise<void> {
  const found = statOf(path);
  if (found !== undefined && isSame(found, own)) removed(path);
  return new Promise((resolve) => void server.close(() => resolve()));
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isSame(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

function removed(path: string): void {
  if (statOf(path) !== undefined) unlinkSync(path);
}

function dial(address: string, { timeoutMs }: DialOptions, block: ReadBlock): Promise<Connection> {
  const reader: Reader = {};
  const socket = createConnection({ path: pathOf(address), onread: block.onRead(reader) });
  const made = (): Connection => unixConnection(socket, address, reader);
  return connected(socket, { timeoutMs, reasonOf, made });
}

function failure(address: string, cause: unknown): ListenFailed {
  const error: NodeJS.ErrnoException = errorOf(cause);
  return new ListenFailed(address, reasonOf(error), { cause });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'connection refused: there is no such path; is a node running there?';
    case 'ECONNREFUSED':
      return 'connection refused: a node has left this socket behind; is one running there?';
    case 'EEXIST':
      return 'another node has just begun to listen there; choose another path';
    case 'EACCES':
      return 'the rights of the path do not allow it; both nodes must run as the same user';
    default:
      return error.message;
  }
}

function unixConnection(socket: Socket, remoteAddress: string, reader: Reader): Connection {
  return new SocketConnection(socket, { remoteAddress, isLoopback: true, reader });
}
