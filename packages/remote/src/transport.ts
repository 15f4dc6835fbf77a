import type { CallerIdentity } from './caller.ts';

/**
 * How bytes get from one node to another, in order. What they mean, who may connect and what
 * happens when they stop is not a transport's business.
 */
export interface Transport {
  readonly name: string;
  /**
   * Whether strangers could connect to who listens at `address`, so that a secret must keep them
   * out: not on this machine alone, and not where certificates are shown.
   * @throws {TypeError} when it is no address of this transport's
   */
  needsSecret(address: string): boolean;
  /**
   * @param address `host:port`; port 0 takes a free one. Some transports have addresses of another
   *   form, which their own documentation names.
   * @param refused told of connections that the transport itself turns away, and why
   * @throws {ListenFailed} with what to do about it
   */
  listen(
    address: string,
    accept: (connection: Connection) => void,
    refused?: (from: string, error: Error) => void,
  ): Promise<Listener>;
  /**
   * Resolves with a connection that has not been started.
   * @throws {CertificateRefused} when one of both sides does not accept the other's certificate
   */
  dial(address: string, options: DialOptions): Promise<Connection>;
  /**
   * Opens a socket for datagrams at an address that is listened at, so that both go by one name.
   * Absent where there are no datagrams; undefined at an address that has none. Whoever reads the
   * network reads along, and anybody may send: seal what is sent, and open what arrives.
   * @throws {ListenFailed} when the port is taken
   */
  datagrams?(address: string, receive: DatagramReceiver): Promise<DatagramSocket | undefined>;
}

/** @param from where it came from, as the network says */
export type DatagramReceiver = (from: string, bytes: Uint8Array) => void;

/** A socket for datagrams: each arrives once, twice or never, in any order. */
export interface DatagramSocket {
  /** @returns false when no datagram can get to `to`, as to the address of another transport */
  send(to: string, bytes: Uint8Array): boolean;
  close(): void;
}

export interface DialOptions {
  readonly timeoutMs: number;
}

export interface Listener {
  /** As others dial it, the port filled in. */
  readonly address: string;
  /** Where it listens, when that is not where others dial it. */
  readonly boundAddress?: string;
  /** Takes no new connections; those that stand live on. */
  close(): Promise<void>;
}

/** A stream of bytes in both directions. Nothing is read until it is started. */
export interface Connection {
  readonly remoteAddress: string;
  /** Both ends are on this machine. */
  readonly isLoopback: boolean;
  /** The end of the other side is always told at once: one that is silent is busy, not gone. */
  readonly tellsOfDeath?: boolean;
  /** Whom the transport itself has verified, by a certificate. */
  readonly caller?: CallerIdentity | undefined;
  /** Bytes taken by `write` and not yet on their way. */
  readonly bufferedBytes: number;
  start(handler: ConnectionHandler): void;
  /**
   * Owns `bytes` from now on.
   * @returns false when that is enough for now: wait for `drained` before the next write
   */
  write(bytes: Uint8Array): boolean;
  /** The same for several in a row. Absent where they would be put together all the same. */
  writeAll?(parts: readonly Uint8Array[]): boolean;
  /** Ends after what was written has left. */
  close(): void;
  /** Ends at once. */
  destroy(): void;
}

export interface ConnectionHandler {
  /**
   * Nothing of a chunk is kept when `data` has returned: its memory may be read into again.
   * Default: false
   */
  readonly readsInPlace?: boolean;
  /** Owns `chunk` from now on, unless it `readsInPlace`. */
  data(chunk: Uint8Array): void;
  /** There is room again after a `write` that returned false. */
  drained?(): void;
  /** Called once, whoever ended it; without an error when it was closed in order. */
  closed(error: Error | undefined): void;
}

/** Nobody listens there, says the host itself: unlike silence, that is an answer. */
export function connectionRefused(advice: string): Error {
  return Object.assign(new Error(`connection refused; ${advice}`), { code: 'ECONNREFUSED' });
}

/** An address cannot be listened on. */
export class ListenFailed extends Error {
  override readonly name = 'ListenFailed';
  readonly code = 'ERR_LISTEN_FAILED';
  constructor(
    readonly address: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`cannot listen on ${address}: ${reason}`, options);
  }
}
