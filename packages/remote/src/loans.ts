import { Overloaded, SessionLost } from '@troupe/actor';
import { BadFrame } from './bad-frame.ts';
import type { Endpoint } from './endpoint.ts';
import { ABORT, FINISH, type FrameReader, HALT, ITEM, PULL, RELEASE } from './frames.ts';
import { Functions } from './functions.ts';
import { listOf } from './identity.ts';
import type { Loan } from './loan.ts';
import type { Peer } from './peer.ts';
import { readable, RemoteStream, StreamIntake } from './remote-stream.ts';
import { Signals } from './signals.ts';
import { StreamSource } from './stream-source.ts';

/** What a value of the kinds below is called on the wire; see DESIGN.md, "Loans". */
const FUNCTION = 16;
const STREAM = 17;
const SIGNAL = 18;

/** How a stream arrives. */
const ITERATOR = 0;
const READABLE = 1;

/** How a stream has ended. */
const DONE = 0;
const FAILED = 1;

const ITEM_FIELDS = ['type', 'stream', 'item'];

/**
 * What this node and one peer have lent each other for the time of their session: functions to
 * call, streams to read, signals to listen to. They travel as numbers, within any value.
 */
export class Loans {
  readonly functions: Functions;
  readonly signals: Signals;
  readonly #endpoint: Endpoint;
  readonly #peer: Peer;
  readonly #sources = new Map<number, StreamSource>();
  readonly #intakes = new Map<number, StreamIntake>();
  #lastId = 0;
  /** What the frame lends that was encoded last. */
  readonly #fresh: Loan[] = [];

  constructor(endpoint: Endpoint, peer: Peer) {
    this.#endpoint = endpoint;
    this.#peer = peer;
    const { name } = peer.identity;
    const whenCollected = (value: object, run: () => void): void => {
      endpoint.system.env.whenCollected?.(value, run);
    };
    const { loansMax: lentMax } = endpoint.limits;
    this.functions = new Functions({
      peer: name,
      invoke: (id, args) => peer.outgoing.invoke(id, `a function of ${name}`, args),
      release: (id, count) => this.#send([RELEASE, id, count], functionKey(id)),
      whenCollected,
      lentMax,
    });
    this.signals = new Signals({
      peer: name,
      tell: (id, aborted, key) => {
        const how = aborted === undefined ? [false] : [true, aborted.reason];
        this.#send([ABORT, id, ...how], key);
      },
      whenCollected,
      lentMax,
    });
  }

  /** Streams that are open, in both directions. */
  get streams(): number {
    return this.#sources.size + this.#intakes.size;
  }

  /** Whether the frame that was encoded last lends something. */
  get isLending(): boolean {
    return this.#fresh.length > 0;
  }

  /** Has `takeBack` called should the frame in hand not be sent. */
  unlessSent(takeBack: () => void): void {
    this.#fresh.push({ content: [], takeBack, sentWith() {} });
  }

  /** @returns undefined when `value` is nothing that can be lent */
  dehydrate(value: object): { tag: number; content: unknown } | undefined {
    if (typeof value === 'function') {
      if (isClass(value)) return undefined;
      return this.#lend(FUNCTION, this.functions.dehydrate(value as () => unknown));
    }
    if (value instanceof AbortSignal) return this.#lend(SIGNAL, this.signals.dehydrate(value));
    if (!(Symbol.asyncIterator in value)) return undefined;
    return this.#lend(STREAM, this.#dehydrateStream(value as AsyncIterable<unknown>));
  }

  /** @returns undefined when `tag` is none of these */
  hydrate(tag: number, content: unknown): object | undefined {
    switch (tag) {
      case FUNCTION:
        return this.functions.hydrate(listOf(content));
      case SIGNAL:
        return this.signals.hydrate(listOf(content));
      case STREAM:
        return this.#hydrateStream(listOf(content));
      default:
        return undefined;
    }
  }

  /** A frame is being encoded. Should the one before wait somewhere, it is on its way as well. */
  begin(): void {
    this.sentWith(undefined);
  }

  /** The frame that was encoded last is on its way. */
  sentWith(key: unknown): void {
    if (this.#fresh.length === 0) return;
    for (const loan of this.#fresh.splice(0)) loan.sentWith(key);
  }

  /** The frame that was encoded last is not sent. */
  takeBack(): void {
    for (const loan of this.#fresh.splice(0)) loan.takeBack();
  }

  /** @returns false when the frame is about nothing that is lent */
  receive(frame: FrameReader): boolean {
    switch (frame.type) {
      case PULL: {
        const source = this.#sources.get(frame.number());
        source?.pull(frame.number(), frame.number());
        return true;
      }
      case HALT: {
        void this.#sources.get(frame.number())?.halt();
        return true;
      }
      case ITEM: {
        this.#intakes.get(frame.number())?.push(frame.any());
        return true;
      }
      case FINISH: {
        const id = frame.number();
        const failed = frame.number() === FAILED;
        const intake = this.#intakes.get(id);
        this.#intakes.delete(id);
        intake?.finish(failed ? { error: frame.any() } : { value: frame.any() });
        return true;
      }
      case RELEASE:
        this.functions.released(frame.number(), frame.number());
        return true;
      case ABORT: {
        const id = frame.number();
        this.signals.told(id, frame.any() === true ? { reason: frame.any() } : undefined);
        return true;
      }
      default:
        return false;
    }
  }

  /** The session is over, and with it all that was lent in it. */
  loseAll(reason: string): void {
    const { name } = this.#peer.identity;
    const error = new SessionLost(name, reason);
    const sources = [...this.#sources.values()];
    const intakes = [...this.#intakes.values()];
    this.#sources.clear();
    this.#intakes.clear();
    this.functions.loseAll();
    this.signals.loseAll(error);
    for (const intake of intakes) intake.lost(error);
    for (const source of sources) {
      source.abandon().catch((failure: unknown) => {
        this.#endpoint.system.failed({ address: name, method: 'stream', error: failure });
      });
    }
  }

  #lend(tag: number, loan: Loan): { tag: number; content: unknown } {
    this.#fresh.push(loan);
    return { tag, content: loan.content };
  }

  #dehydrateStream(stream: AsyncIterable<unknown>): Loan {
    const { streamsMax } = this.#endpoint.limits;
    if (this.#sources.size >= streamsMax) {
      throw new Overloaded(this.#peer.identity.name, 'streams that it may read', streamsMax);
    }
    const id = (this.#lastId += 1);
    const source: StreamSource = new StreamSource(() => stream[Symbol.asyncIterator](), {
      item: (value) => this.#send([ITEM, id, value], source, ITEM_FIELDS),
      done: (value) => this.#finish(id, source, [DONE, value]),
      failed: (error) => this.#finish(id, source, [FAILED, error]),
      hasRoom: () => this.#peer.hasRoom,
      whenRoom: (run) => this.#peer.whenRoom(run),
    });
    this.#sources.set(id, source);
    return {
      content: [id, stream instanceof ReadableStream ? READABLE : ITERATOR],
      takeBack: () => this.#sources.delete(id),
      sentWith() {},
    };
  }

  #hydrateStream([id, kind]: readonly unknown[]): object {
    // A second one of that number would take the place of one that somebody may wait for.
    if (typeof id !== 'number' || this.#intakes.has(id)) throw new BadFrame('stream');
    const intake: StreamIntake = new StreamIntake(`a stream of ${this.#peer.identity.name}`, {
      pull: (taken, window) => this.#send([PULL, id, taken, window], intake),
      halt: () => this.#send([HALT, id], intake),
    });
    const { streamsMax } = this.#endpoint.limits;
    if (this.#intakes.size < streamsMax) this.#intakes.set(id, intake);
    else {
      intake.end();
      intake.lost(new Overloaded(this.#peer.identity.name, 'streams of its', streamsMax));
    }
    const stream = new RemoteStream(intake, this.#endpoint.system.env);
    return kind === READABLE ? readable(stream) : stream;
  }

  #finish(id: number, source: StreamSource, how: readonly unknown[]): void {
    if (!this.#sources.delete(id)) return; // The session is over.
    try {
      this.#send([FINISH, id, ...how], source);
    } catch (error) {
      this.#send([FINISH, id, FAILED, error], source); // What it returned cannot travel.
    }
  }

  /** What was lent must not get out of step: it is sent, or the session ends. */
  #send(frame: readonly unknown[], key: unknown, fields?: readonly string[]): number {
    const bytes = this.#peer.encode(frame, fields);
    if (this.#peer.hasSession) this.#peer.notify(bytes, key);
    else {
      const refusal = this.#peer.send(bytes, { key });
      if (refusal !== undefined) this.#peer.end(refusal);
    }
    return bytes.length;
  }
}

/** Calls of a function, and its being given back, keep their order. */
export function functionKey(id: number): string {
  return `function ${id}`;
}

/** Calling one would only throw, wherever it is called from. */
export function isClass(value: object): boolean {
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;
}
