import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { formatAddress, isLoopback } from './address.ts';
import { reasonOf } from './tcp-transport.ts';
import { type Connection, type Listener, ListenFailed } from './transport.ts';
import { connectionOver, hostOf, limitsOf, urlOf } from './websocket-driver.ts';

/** What the request for a WebSocket says, which a page cannot choose by itself. */
export interface WebSocketVisit {
  /** The origin of the page that asks; undefined when it is no page. */
  readonly origin: string | undefined;
  readonly remoteAddress: string;
}

export interface WebSocketDoor {
  /** `ws://host:port/path`, port 0 for any free one. With a `server`, only the path counts. */
  readonly address: string;
  /** An HTTP or HTTPS server of the application's, whose port is shared. */
  readonly server?: Server | undefined;
  /** Longer messages end their connection. Default: 16 MiB. */
  readonly messageBytesMax?: number | undefined;
  accept(connection: Connection, visit: WebSocketVisit): void;
  refused(from: string, error: Error): void;
  /** @returns why the visitor is turned away, if it is */
  objection(visit: WebSocketVisit): string | undefined;
}

/** Waits for WebSockets at one path. Others of a shared server are the application's. */
export async function listenForWebSockets(door: WebSocketDoor): Promise<Listener> {
  const url = urlOf(door.address);
  // Few nodes need them, and they take long to load.
  const [http, ws] = await Promise.all([import('node:http'), import('ws')]);
  const { createServer } = http;
  const own = door.server === undefined ? createServer(refuseRequest) : undefined;
  const server = own ?? door.server ?? createServer();
  const sockets = new ws.WebSocketServer({ ...limitsOf(door.messageBytesMax), noServer: true });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (pathOf(request) === url.pathname) return admit(door, sockets, { request, socket, head });
    if (own !== undefined) refuseUpgrade(socket, '404 Not Found');
  };
  server.on('upgrade', onUpgrade);
  const address = own === undefined ? url.href : await bind(own, url);
  return {
    address,
    close() {
      server.off('upgrade', onUpgrade);
      sockets.close();
      return new Promise((resolve) => {
        if (own === undefined) return resolve();
        own.close(() => resolve());
        own.closeAllConnections(); // Those that never became WebSockets: nobody waits for them.
      });
    },
  };
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

function admit(door: WebSocketDoor, sockets: WebSocketServer, upgrade: Upgrade): void {
  const { request, socket, head } = upgrade;
  const { remoteAddress: host = '', remotePort: port = 0 } = request.socket;
  const remoteAddress = formatAddress({ host, port });
  const visit: WebSocketVisit = { origin: request.headers.origin, remoteAddress };
  const objection = door.objection(visit);
  if (objection !== undefined) {
    refuseUpgrade(socket, '403 Forbidden');
    return door.refused(remoteAddress, new Error(objection));
  }
  // What a proxy passes on comes from wherever the proxy took it.
  const isForwarded = 'forwarded' in request.headers || 'x-forwarded-for' in request.headers;
  const facts = {
    carrier: request.socket,
    remoteAddress,
    isLoopback: isLoopback(host) && !isForwarded,
  };
  sockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
    door.accept(connectionOver(webSocket, facts), visit);
  });
}

function bind(server: Server, url: URL): Promise<string> {
  const host = hostOf(url);
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(new ListenFailed(url.href, reasonOf(cause), { cause }));
    });
    server.listen({ host, port: Number(url.port) }, () => {
      const bound = server.address();
      if (bound === null || typeof bound === 'string') throw new TypeError('BUG: no TCP server');
      resolve(`ws://${formatAddress({ host, port: bound.port })}${url.pathname}`);
    });
  });
}

function refuseRequest(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { 'content-type': 'text/plain', upgrade: 'websocket' });
  response.end('this port speaks WebSocket only\n');
}

/** @returns undefined when what the visitor asks for is no address, as `//` is none */
function pathOf({ url = '/' }: IncomingMessage): string | undefined {
  const base = 'http://any';
  return URL.canParse(url, base) ? new URL(url, base).pathname : undefined;
}

/** The server has let go of the socket: its errors, and its end, are nobody else's any more. */
function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on('error', () => undefined);
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
