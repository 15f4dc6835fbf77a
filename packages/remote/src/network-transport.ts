import { schemeOf } from './address.ts';
import { tcpTransport } from './tcp-transport.ts';
import type { Transport } from './transport.ts';
import { type TlsSource, type TlsTransport, tlsTransport } from './tls-transport.ts';
import { unixTransport } from './unix-transport.ts';
import { webSocketTransport } from './websocket-transport.ts';

/**
 * Every way between two processes, chosen by the form of the address: `unix:/run/app/a.sock` goes
 * over a Unix socket, `ws://host:port/path` over a WebSocket, `host:port` over TLS if there are
 * certificates, and else over plain TCP.
 */
export function networkTransport(
  options: { readonly tls?: TlsSource | TlsTransport | undefined } = {},
): Transport {
  const ws = webSocketTransport();
  return byScheme(inetTransport(options.tls), { unix: unixTransport(), ws, wss: ws });
}

function inetTransport(tls: TlsSource | TlsTransport | undefined): Transport {
  if (tls === undefined) return tcpTransport();
  return 'dial' in tls ? tls : tlsTransport(tls);
}

/** @param schemes one transport for each scheme; addresses without one are `plain`'s */
export function byScheme(
  plain: Transport,
  schemes: Readonly<Record<string, Transport>>,
): Transport {
  const of = (address: string): Transport => {
    const scheme = schemeOf(address);
    if (scheme === undefined) return plain;
    const transport = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
    if (transport !== undefined) return transport;
    throw new TypeError(`no transport for ${scheme}: addresses, as in '${address}'`);
  };
  return {
    name: plain.name,
    needsSecret: (address) => of(address).needsSecret(address),
    listen: async (address, accept, refused) => of(address).listen(address, accept, refused),
    dial: async (address, options) => of(address).dial(address, options),
    datagrams: async (address, receive) => of(address).datagrams?.(address, receive),
  };
}
