import type { Env, Timer } from '@troupe/actor';
import { errorOf } from '@troupe/actor/internal';
import type { CallerIdentity } from './caller.ts';
import { BadFrame } from './bad-frame.ts';
import { type Envelope, EnvelopeReader, Garbled } from './envelope.ts';
import { type Agreement, Handshake, type HandshakeOptions, HandshakeRefused } from './handshake.ts';
import type { Connection, Transport } from './transport.ts';

/** How long the peer may take to say who it is and to prove it, counted in steps. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
const STEP_MS = 1_000;

/** How long a stranger that was refused may take to read why. */
const FAREWELL_TIMEOUT_MS = 2_000;

export interface LinkOptions extends Omit<HandshakeOptions, 'isLoopback'> {
  readonly env: Env;
}

export interface LinkHandler {
  envelope(envelope: Envelope): void;
  /** The peer does not keep to the protocol. */
  broken(error: Error): void;
  /** All that was read together has been told. */
  readEnded(): void;
  /** There is room again after a `write` that returned false. */
  drained(): void;
  /** Called once, whoever ended it. */
  closed(reason: Error): void;
}

/** What becomes of a connection when both sides have proved themselves. */
export interface Proved {
  /** Keeps nothing of what it receives. Default: false, and it owns that */
  readonly readsInPlace?: boolean;
  /** The connection has read. */
  receive(chunk: Uint8Array): void;
  /** It has room again. */
  drained?(): void;
  /** It has ended. */
  ended(reason: Error): void;
}

/** Makes of a connection, of which both sides have proved who they are, what it is to be. */
export type Make<T> = (connection: Connection, agreement: Agreement) => T;

export interface DialProvedOptions extends LinkOptions {
  readonly transport: Transport;
  readonly address: string;
  readonly timeoutMs: number;
}

/** Connects to `address` and proves who both are. */
export function dialLink(options: DialProvedOptions): Promise<Link> {
  const { env } = options;
  return dialProved(options, (connection, agreement) => new Link(connection, agreement, env));
}

/** The same for a connection that is to become something else than a link. */
export async function dialProved<T extends Proved>(
  options: DialProvedOptions,
  make: Make<T>,
): Promise<T> {
  const { transport, address, timeoutMs } = options;
  const connection = await transport.dial(address, { timeoutMs });
  return shakeHands(connection, { ...options, role: 'dialler' }, make);
}

/**
 * Lets a connection prove who it is.
 * @param beside makes what serves one that is for no session. Default: there are none
 */
export function acceptLink<T extends Proved = never>(
  connection: Connection,
  options: LinkOptions,
  beside?: Make<T>,
): Promise<Link | T> {
  return acceptProved<Link | T>(connection, options, (proved, agreement) => {
    if (agreement.purpose === 'session') return new Link(proved, agreement, options.env);
    if (beside !== undefined) return beside(proved, agreement);
    throw new HandshakeRefused('version');
  });
}

/** Lets a connection prove who it is that is to become something else than a link. */
export function acceptProved<T extends Proved>(
  connection: Connection,
  options: LinkOptions,
  make: Make<T>,
): Promise<T> {
  return shakeHands(connection, { ...options, role: 'acceptor' }, make);
}

function shakeHands<T extends Proved>(
  connection: Connection,
  options: LinkOptions & { readonly role: 'dialler' | 'acceptor' },
  make: Make<T>,
): Promise<T> {
  const { env, role } = options;
  // Who has shown a certificate needs no secret, from wherever it comes.
  const isLoopback = connection.isLoopback || connection.caller !== undefined;
  return new Promise((resolve, reject) => {
    let link: T | undefined;
    let hasFailed = false;
    const handshake = new Handshake(role, { ...options, isLoopback }, (bytes) => {
      connection.write(bytes);
    });
    const fail = (error: Error): void => {
      hasFailed = true;
      timer?.cancel();
      timer = env.setTimer(FAREWELL_TIMEOUT_MS, () => connection.destroy());
      connection.close(); // Not at once: the peer is to read why it was refused.
      reject(error);
    };
    // Nobody waits for one who is let in; where silence means busy, and not gone, nor does this.
    const isPatient = role === 'acceptor' && connection.tellsOfDeath === true;
    let timer = isPatient ? undefined : whenLate(env, () => fail(handshake.refuse('busy')));
    connection.start({
      readsInPlace: true,
      data(chunk) {
        if (link !== undefined) {
          return link.receive(link.readsInPlace === true ? chunk : Buffer.from(chunk));
        }
        if (hasFailed) return; // It has been told, and all that it says now is too late.
        try {
          const done = handshake.push(chunk);
          if (done === undefined) return;
          timer?.cancel();
          link = make(connection, done.agreement);
          resolve(link);
          if (done.rest.length > 0) link.receive(done.rest);
        } catch (error) {
          fail(errorOf(error));
        }
      },
      drained: () => link?.drained?.(),
      closed(error) {
        timer?.cancel();
        const reason = error ?? new Error('the peer closed the connection');
        if (link === undefined) reject(reason);
        else link.ended(reason);
      },
    });
    handshake.begin();
  });
}

/**
 * Calls `run` when the time for a handshake is over. Steps in which this process itself stood still
 * do not count: what the peer has said may wait unread.
 */
function whenLate(env: Env, run: () => void): Timer {
  let leftMs = HANDSHAKE_TIMEOUT_MS;
  let timer: Timer;
  const step = (): void => {
    const startedAt = env.now();
    timer = env.setTimer(STEP_MS, () => {
      if (env.now() - startedAt < 2 * STEP_MS) leftMs -= STEP_MS;
      if (leftMs > 0) step();
      else run();
    });
  };
  step();
  return { cancel: () => timer.cancel() };
}

/** One authenticated connection: envelopes in, envelopes out. */
export class Link implements Proved {
  readonly readsInPlace = true;
  readonly agreement: Agreement;
  /** Whom calls over this link come from. */
  readonly caller: CallerIdentity;
  readonly #connection: Connection;
  readonly #env: Env;
  readonly #reader = new EnvelopeReader();
  #lastReceivedAt: number;
  #handler: LinkHandler | undefined;
  /** What came before anybody took it. */
  #early: Envelope[] = [];
  /** Why this side ended it; otherwise the connection's own word counts. */
  #reason: Error | undefined;
  #ended = false;

  constructor(connection: Connection, agreement: Agreement, env: Env) {
    this.#connection = connection;
    this.agreement = agreement;
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

  /** From now on the handler is told; what came before is told at once. */
  start(handler: LinkHandler): void {
    this.#handler = handler;
    for (const envelope of this.#early.splice(0)) handler.envelope(envelope);
    handler.readEnded();
    if (this.#ended) handler.closed(this.#reason ?? new Error('the peer closed the connection'));
  }

  /** @returns false when that is enough for now, until the handler's `drained` */
  write(envelope: Uint8Array): boolean {
    return this.#connection.write(envelope);
  }

  /** The same for several in a row. */
  writeAll(parts: readonly Uint8Array[]): boolean {
    const [first] = parts;
    if (first !== undefined && parts.length === 1) return this.#connection.write(first);
    return this.#connection.writeAll?.(parts) ?? this.#connection.write(Buffer.concat(parts));
  }

  /** Ends after what was written has left. */
  close(reason: Error): void {
    this.#reason ??= reason;
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
    let envelopes: Envelope[];
    try {
      envelopes = this.#reader.push(chunk);
    } catch (error) {
      const reason = error instanceof Error ? error : new BadFrame(String(error));
      if (reason instanceof Garbled || this.#handler === undefined) this.destroy(reason);
      else this.#handler.broken(reason);
      return;
    }
    if (this.#handler === undefined) {
      for (const envelope of envelopes) {
        this.#early.push({ ...envelope, body: Uint8Array.from(envelope.body) });
      }
      return;
    }
    for (const envelope of envelopes) this.#handler.envelope(envelope);
    this.#handler.readEnded();
  }

  /** The connection has room again. */
  drained(): void {
    this.#handler?.drained();
  }

  /** The connection has ended. */
  ended(reason: Error): void {
    this.#ended = true;
    this.#reason ??= reason;
    this.#handler?.closed(this.#reason);
  }
}
