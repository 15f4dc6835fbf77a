import type { Socket } from 'node:net';
import type { CallerIdentity } from './caller.ts';
import type { Reader } from './read-block.ts';
import type { Connection, ConnectionHandler } from './transport.ts';

/** What is known of the other end of a socket, and how its errors are put into words. */
export interface SocketFacts {
  readonly remoteAddress: string;
  readonly isLoopback: boolean;
  readonly caller?: CallerIdentity | undefined;
  readonly explain?: (error: Error) => Error;
  /** Where the socket has been told to read to. Default: it reads as a stream does. */
  readonly reader?: Reader;
}

/** How long a connection that one side has ended may be silent before it is given up. */
const SILENCE_MS_MAX = 2_000;
/** Looks that must find nothing moved: a loop of ours that stood still proves nothing by itself. */
const LOOKS = 2;

/**
 * Calls `giveUp` when nothing has come or gone for two seconds while the connection `isEnding`.
 * @returns has it look though nothing moves, from now on
 */
export function whenSilent(
  socket: Socket,
  isEnding: () => boolean,
  giveUp: () => void,
): () => void {
  const look = (): void => void socket.setTimeout(SILENCE_MS_MAX / LOOKS);
  let movedBytes: number | undefined;
  socket.on('timeout', () => {
    const before = movedBytes;
    const hereBytes = socket.bytesRead + socket.bytesWritten - socket.writableLength;
    movedBytes = isEnding() ? hereBytes : undefined;
    if (movedBytes === undefined) return;
    if (movedBytes === before) giveUp();
    else look();
  });
  look();
  return look;
}

/** A connection over a stream socket of Node's, which must not be flowing yet. */
export class SocketConnection implements Connection {
  readonly remoteAddress: string;
  readonly isLoopback: boolean;
  readonly caller: CallerIdentity | undefined;
  readonly #socket: Socket;
  readonly #reader: Reader | undefined;
  #error: Error | undefined;

  constructor(socket: Socket, facts: SocketFacts) {
    this.#socket = socket;
    this.remoteAddress = facts.remoteAddress;
    this.isLoopback = facts.isLoopback;
    this.caller = facts.caller;
    this.#reader = facts.reader;
    // 'close' follows and tells; without a listener an early error would end the process.
    socket.on('error', (error) => (this.#error = facts.explain?.(error) ?? error));
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  start(handler: ConnectionHandler): void {
    if (this.#socket.destroyed) {
      queueMicrotask(() => handler.closed(this.#error));
      return;
    }
    // One that was accepted may read as a stream all the same.
    if (this.#reader !== undefined) {
      this.#reader.take = (chunk) =>
        handler.data(handler.readsInPlace === true ? chunk : Buffer.from(chunk));
    }
    this.#socket.on('data', (chunk: Buffer) => handler.data(chunk));
    this.#socket.on('drain', () => handler.drained?.());
    this.#socket.once('close', () => handler.closed(this.#error));
    this.#socket.resume();
  }

  write(bytes: Uint8Array): boolean {
    return !this.#socket.writable || this.#socket.write(bytes);
  }

  writeAll(parts: readonly Uint8Array[]): boolean {
    this.#socket.cork();
    let hasRoom = true;
    for (const part of parts) hasRoom = this.write(part);
    this.#socket.uncork();
    return hasRoom;
  }

  close(): void {
    this.#socket.end();
    // The peer ends its half when it has read all. To destroy this one before would throw away what
    // is on its way, if the peer says anything more; one that falls silent may never end it.
    whenSilent(
      this.#socket,
      () => true,
      () => this.#socket.destroy(),
    );
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** How a socket that dials becomes a connection. */
export interface Dialling {
  readonly timeoutMs: number;
  /** Puts into words what the operating system says. */
  readonly reasonOf: (error: NodeJS.ErrnoException) => string;
  /** Called when the socket is connected, and paused. */
  readonly made: () => Connection;
}

/** Waits until `socket` is connected, and destroys it when it is not in time. */
export function connected(
  socket: Socket,
  { timeoutMs, reasonOf, made }: Dialling,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      socket.destroy();
      reject(new Error(reasonOf(cause), { cause }));
    };
    const onTimeout = (): void => onError(new Error(`no answer within ${timeoutMs} ms`));
    socket.setTimeout(timeoutMs, onTimeout);
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.setTimeout(0, onTimeout);
      socket.off('error', onError);
      socket.pause();
      resolve(made());
    });
  });
}
