import { createServer, createConnection, type Server, type Socket } from 'node:net';
import { formatAddress, isLoopback, parseAddress } from './address.ts';
import {
  type Connection,
  type ConnectionHandler,
  type DialOptions,
  type Listener,
  ListenFailed,
  type Transport,
} from './transport.ts';

/** Plain TCP: whoever can read the network reads along, and whoever can write to it writes. */
export function tcpTransport(): Transport {
  return { name: 'tcp', listen, dial };
}

function listen(text: string, accept: (connection: Connection) => void): Promise<Listener> {
  const { host, port } = parseAddress(text);
  // Paused: no byte is read before somebody is there to take it.
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    accept(new TcpConnection(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(new ListenFailed(text, reasonOf(cause), { cause }));
    });
    server.listen({ host, port }, () => resolve(listenerOf(server, host)));
  });
}

function listenerOf(server: Server, host: string): Listener {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('BUG: not a TCP server');
  return {
    address: formatAddress({ host, port: bound.port }),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function dial(text: string, { timeoutMs }: DialOptions): Promise<Connection> {
  const { host, port } = parseAddress(text);
  const socket = createConnection({ host, port, noDelay: true });
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      socket.destroy();
      reject(new Error(reasonOf(cause), { cause }));
    };
    socket.setTimeout(timeoutMs, () => onError(new Error(`no answer within ${timeoutMs} ms`)));
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', onError);
      socket.pause();
      resolve(new TcpConnection(socket));
    });
  });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another process listens there; choose another port, or 0 for any free one';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address';
    case 'EACCES':
      return 'ports below 1024 need special rights; choose a higher one';
    case 'ECONNREFUSED':
      return 'connection refused; is a node running there?';
    case 'ENOTFOUND':
      return 'the host name is not known';
    default:
      return error.message;
  }
}

class TcpConnection implements Connection {
  readonly remoteAddress: string;
  readonly isLoopback: boolean;
  readonly #socket: Socket;
  #error: Error | undefined;

  constructor(socket: Socket) {
    const { remoteAddress = '', remotePort = 0 } = socket;
    this.#socket = socket;
    this.remoteAddress = formatAddress({ host: remoteAddress, port: remotePort });
    this.isLoopback = isLoopback(remoteAddress);
    // 'close' follows and tells; without a listener an early error would end the process.
    socket.on('error', (error) => (this.#error = error));
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  start(handler: ConnectionHandler): void {
    if (this.#socket.destroyed) {
      queueMicrotask(() => handler.closed(this.#error));
      return;
    }
    this.#socket.on('data', (chunk: Buffer) => handler.data(chunk));
    this.#socket.on('drain', () => handler.drained?.());
    this.#socket.once('close', () => handler.closed(this.#error));
    this.#socket.resume();
  }

  write(bytes: Uint8Array): boolean {
    return !this.#socket.writable || this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.end();
    // The peer may never end its half; what it still says is of no use to anybody.
    this.#socket.once('finish', () => this.#socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
