import type { Env, Timer } from '@troupe/actor';
import { BadFrame } from './bad-frame.ts';
import type { CallerIdentity } from './caller.ts';
import { BATCH_BYTES_MAX, EnvelopeReader, packEnvelope } from './envelope.ts';
import {
  type Agreement,
  Handshake,
  type HandshakeOptions,
  type PeerIdentity,
} from './handshake.ts';
import type { Connection, Transport } from './transport.ts';

/** How long the peer may take to say who it is and to prove it. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

export interface LinkOptions extends Omit<HandshakeOptions, 'isLoopback'> {
  readonly env: Env;
}

export interface LinkHandler {
  /** One or more whole frames in a row; the bytes may be kept. Throwing ends the link. */
  frames(bytes: Uint8Array): void;
  /** Called once, whoever ended it. */
  closed(reason: Error): void;
}

/** Connects to `address` and proves who both are. */
export async function dialLink(
  options: LinkOptions & {
    readonly transport: Transport;
    readonly address: string;
    readonly timeoutMs: number;
  },
): Promise<Link> {
  const { transport, address, timeoutMs } = options;
  return shakeHands('dialler', await transport.dial(address, { timeoutMs }), options);
}

/** Lets a connection prove who it is. */
export function acceptLink(connection: Connection, options: LinkOptions): Promise<Link> {
  return shakeHands('acceptor', connection, options);
}

function shakeHands(
  role: 'dialler' | 'acceptor',
  connection: Connection,
  options: LinkOptions,
): Promise<Link> {
  // Who has shown a certificate needs no secret, from wherever it comes.
  const isLoopback = connection.isLoopback || connection.caller !== undefined;
  const { env } = options;
  return new Promise((resolve, reject) => {
    let link: Link | undefined;
    const handshake = new Handshake(role, { ...options, isLoopback }, (bytes) => {
      connection.write(bytes);
    });
    const fail = (error: Error): void => {
      timer.cancel();
      connection.close(); // Not at once: the peer is to read why it was refused.
      reject(error);
    };
    const timer: Timer = env.setTimer(HANDSHAKE_TIMEOUT_MS, () => fail(handshake.refuse('busy')));
    connection.start({
      data(chunk) {
        if (link !== undefined) return link.receive(chunk);
        try {
          const done = handshake.push(chunk);
          if (done === undefined) return;
          timer.cancel();
          link = new Link(connection, done.agreement, env);
          resolve(link);
          if (done.rest.length > 0) link.receive(done.rest);
        } catch (error) {
          fail(error instanceof Error ? error : new Error(String(error)));
        }
      },
      closed(error) {
        timer.cancel();
        const reason = error ?? new Error('the peer closed the connection');
        if (link === undefined) reject(reason);
        else link.ended(reason);
      },
    });
    handshake.begin();
  });
}

/**
 * One authenticated connection: frames in, frames out. Frames of one turn of the event loop leave
 * in one write, the control lane's first: small writes cost twenty times their bytes.
 */
export class Link {
  readonly peer: PeerIdentity;
  readonly protocol: number;
  /** Whom calls over this link come from. */
  readonly caller: CallerIdentity;
  readonly #connection: Connection;
  readonly #env: Env;
  readonly #reader = new EnvelopeReader();
  #lastReceivedAt: number;
  #handler: LinkHandler | undefined;
  /** What came before anybody took it. */
  #early: Uint8Array[] = [];
  #control: Uint8Array[] = [];
  #data: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushScheduled = false;
  /** Why this side ended it; otherwise the connection's own word counts. */
  #reason: Error | undefined;
  #ended = false;

  constructor(connection: Connection, agreement: Agreement, env: Env) {
    this.#connection = connection;
    this.peer = agreement.peer;
    this.protocol = agreement.protocol;
    this.caller = connection.caller ?? { kind: 'node', name: agreement.peer.name };
    this.#env = env;
    this.#lastReceivedAt = env.now();
  }

  /** On the `Env`'s clock; any byte of the peer's is a sign of life. */
  get lastReceivedAt(): number {
    return this.#lastReceivedAt;
  }

  /** Whether its end is told at once, however long the peer is silent before. */
  get tellsOfDeath(): boolean {
    return this.#connection.tellsOfDeath === true;
  }

  /** Bytes taken by `send` that the network has not. */
  get bufferedBytes(): number {
    return this.#queuedBytes + this.#connection.bufferedBytes;
  }

  /** From now on the handler is told; what came before is told at once. */
  start(handler: LinkHandler): void {
    this.#handler = handler;
    for (const body of this.#early.splice(0)) this.#deliver(body);
    if (this.#ended) handler.closed(this.#reason ?? new Error('the peer closed the connection'));
  }

  /** Takes one encoded frame, to leave at the end of the present turn. Owns `bytes`. */
  send(bytes: Uint8Array, lane: 'control' | 'data' = 'data'): void {
    if (this.#ended) return;
    if (lane === 'control') this.#control.push(bytes);
    else this.#data.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes >= BATCH_BYTES_MAX) return this.#flush();
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    void settled.then(this.#onFlush);
  }

  /** Ends after what was sent has left. */
  close(reason: Error): void {
    this.#reason ??= reason;
    this.#flush();
    this.#connection.close();
  }

  /** Ends at once. */
  destroy(reason: Error): void {
    this.#reason ??= reason;
    this.#connection.destroy();
  }

  /** The connection has read. */
  receive(chunk: Uint8Array): void {
    this.#lastReceivedAt = this.#env.now();
    let bodies: Uint8Array[];
    try {
      bodies = this.#reader.push(chunk);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new BadFrame(String(error)));
      return;
    }
    for (const body of bodies) this.#deliver(body);
    this.#flush(); // Answers leave with the turn that they were made in.
  }

  /** The connection has ended. */
  ended(reason: Error): void {
    this.#ended = true;
    this.#reason ??= reason;
    this.#control = this.#data = [];
    this.#queuedBytes = 0;
    this.#handler?.closed(this.#reason);
  }

  #deliver(body: Uint8Array): void {
    if (this.#handler === undefined) this.#early.push(body);
    else if (body.length > 0) this.#handler.frames(body);
  }

  readonly #onFlush = (): void => {
    this.#flushScheduled = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#queuedBytes === 0) return;
    const frames = this.#control.length === 0 ? this.#data : [...this.#control, ...this.#data];
    const envelope = packEnvelope(frames, this.#queuedBytes);
    this.#control = [];
    this.#data = [];
    this.#queuedBytes = 0;
    this.#connection.write(envelope);
  }
}

const settled = Promise.resolve();
