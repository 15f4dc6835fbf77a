/** Where a node listens: `host:port`, an IPv6 host in brackets. */
export interface Address {
  readonly host: string;
  /** 0 … 65535; 0 means any free one, for listening only. */
  readonly port: number;
}

/** @throws {TypeError} naming what is wrong with `text` */
export function parseAddress(text: string): Address {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535) {
    throw new TypeError(`an address is host:port, for example 127.0.0.1:7001, not '${text}'`);
  }
  return { host, port };
}

/** `unix` of `unix:/run/a.sock`; undefined for `host:port`, where a port follows and no slash. */
export function schemeOf(address: string): string | undefined {
  return /^([a-z]+):\//.exec(address)?.[1];
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Whether that is where a node listens on all addresses of its machine: `0.0.0.0:7001`, `[::]:7001`
 * and their like. Whoever is told to dial that dials itself.
 */
export function isEverywhere(address: string): boolean {
  const [, bracketed, plain] =
    /^(?:[a-z]+:\/\/)?(?:\[([^\]]+)\]|([^:[\]/]+)):\d/.exec(address) ?? [];
  return /^(?:::ffff:)?[0:.]+$/.test(bracketed ?? plain ?? '');
}

/** Whether bytes to `host` never leave this machine. */
export function isLoopback(host: string): boolean {
  const ipv4 = host.startsWith('::ffff:') ? host.slice('::ffff:'.length) : host;
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(ipv4);
}
