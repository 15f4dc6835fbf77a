import { createServer, createConnection, type Server, type Socket } from 'node:net';
import { formatAddress, isLoopback, parseAddress } from './address.ts';
import { ReadBlock, type Reader } from './read-block.ts';
import { connected, SocketConnection } from './socket-connection.ts';
import {
  type Connection,
  type DialOptions,
  type Listener,
  ListenFailed,
  type Transport,
} from './transport.ts';
import { udpSocket } from './udp-transport.ts';

/** Plain TCP: whoever can read the network reads along, and whoever can write to it writes. */
export function tcpTransport(): Transport {
  const needsSecret = (address: string): boolean => !isLoopback(parseAddress(address).host);
  const block = new ReadBlock();
  return {
    name: 'tcp',
    needsSecret,
    listen: (address, accept) => listen(address, accept, block),
    dial: (address, options) => dial(address, options, block),
    datagrams: udpSocket,
  };
}

function listen(
  text: string,
  accept: (connection: Connection) => void,
  block: ReadBlock,
): Promise<Listener> {
  const { host, port } = parseAddress(text);
  // Paused: no byte is read before somebody is there to take it.
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    const reader: Reader = {};
    block.divert(socket, reader);
    accept(tcpConnection(socket, reader));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(new ListenFailed(text, reasonOf(cause), { cause }));
    });
    server.listen({ host, port }, () => resolve(listenerOf(server, host)));
  });
}

/** @param host as it was asked for, since a server knows only its number */
export function listenerOf(server: Server, host: string): Listener {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('BUG: not a TCP server');
  return {
    address: formatAddress({ host, port: bound.port }),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function dial(text: string, { timeoutMs }: DialOptions, block: ReadBlock): Promise<Connection> {
  const { host, port } = parseAddress(text);
  const reader: Reader = {};
  const onread = block.onRead(reader);
  const socket = createConnection({ host, port, noDelay: true, onread });
  const made = (): Connection => tcpConnection(socket, reader);
  return connected(socket, { timeoutMs, reasonOf, made });
}

/** What the operating system says of an address, and what to do about it. */
export function reasonOf(error: NodeJS.ErrnoException): string {
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

function tcpConnection(socket: Socket, reader: Reader): Connection {
  const { remoteAddress: host = '', remotePort: port = 0 } = socket;
  const remoteAddress = formatAddress({ host, port });
  return new SocketConnection(socket, { remoteAddress, isLoopback: isLoopback(host), reader });
}
