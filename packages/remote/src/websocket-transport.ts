import { isLoopback } from './address.ts';
import { reasonOf } from './tcp-transport.ts';
import type { Connection, DialOptions, Transport } from './transport.ts';
import { connectionOver, hostOf, limitsOf, urlOf } from './websocket-driver.ts';
import { listenForWebSockets } from './websocket-listener.ts';

/**
 * WebSockets between nodes, for where only HTTP gets through: `ws://host:port/path`. Nodes listen
 * without TLS, which a proxy may end for them, and dial `wss:` as well. Pages are turned away, from
 * wherever they are: they are no nodes.
 */
export function webSocketTransport(): Transport {
  return {
    name: 'ws',
    needsSecret: (address) => !isLoopback(hostOf(urlOf(address))),
    listen: (address, accept, refused = () => undefined) =>
      listenForWebSockets({
        address,
        accept,
        refused,
        objection: ({ origin }) =>
          origin === undefined ? undefined : `a page of ${origin} is no node`,
      }),
    dial: async (address, options) => dial(urlOf(address), options),
  };
}

async function dial(url: URL, { timeoutMs }: DialOptions): Promise<Connection> {
  const { WebSocket } = await import('ws'); // Few nodes need it, and it takes long to load.
  const socket = new WebSocket(url, { ...limitsOf(), handshakeTimeout: timeoutMs });
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      reject(new Error(reasonOf(cause), { cause }));
    };
    socket.once('error', onError);
    socket.once('upgrade', ({ socket: carrier }) => {
      socket.once('open', () => {
        socket.off('error', onError);
        const facts = { carrier, remoteAddress: url.host, isLoopback: isLoopback(hostOf(url)) };
        resolve(connectionOver(socket, facts));
      });
    });
  });
}
