import {
  type AnyRef,
  type CallError,
  type CallOptions,
  Cancelled,
  DeadlineExceeded,
  type Down,
  type DownReason,
  type Env,
  NotSerializable,
  Overloaded,
  processEnv,
  SessionLost,
  type Timer,
  Unreachable,
} from '@troupe/actor';
import {
  CALL_TIMEOUT_MS,
  isRef,
  methodTooLong,
  type Recipient,
  recipientOf,
  errorOf,
} from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import { CborCodec } from './cbor-codec.ts';
import type { ValuePort } from './codec.ts';
import { downReason } from './down-reason.ts';
import { FrameReader } from './frames.ts';
import { LastWords } from './last-words.ts';
import { Leftovers } from './leaving-ends.ts';
import * as wire from './outsider-frames.ts';
import { OutsiderExchange } from './outsider-exchange.ts';
import { OutsiderRefused } from './outsider-refused.ts';
import { type ErrorClass, errorFromWire, errorToWire } from './wire-error.ts';

/** What may wait to be sent. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
/** How often it is looked whether what waits to be sent has become less: sockets do not tell. */
const LOOK_FOR_ROOM_MS = 20;
/** A message has memory of its own, which a byte string that is most of it is left in. */
const OWN_MEMORY = { keep: () => undefined };
/** How long the node's own word of a passed deadline is waited for. */
const CONFIRMATION_MS = 100;

/** Names for what a `NotSerializable` points to. */
const CALL_FIELDS = ['type', 'id', 'target', 'method', 'args', 'timeoutMs'];
const CAST_FIELDS = ['type', 'target', 'method', 'args'];

/**
 * What the WebSockets of browsers, of Node.js and of the `ws` package have in common. Every message
 * comes as an `ArrayBuffer` that nobody else has.
 */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  send(data: Uint8Array): void;
  close(): void;
  addEventListener(type: 'open', listener: () => void): void;
  /** Node.js and `ws` say in the event what went wrong; browsers keep it to themselves. */
  addEventListener(type: 'error', listener: (event: object) => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly reason: string }) => void): void;
}

export interface OutsiderClientOptions {
  /** Says who this is; a function is asked before every connection. */
  readonly token: string | (() => string | Promise<string>);
  /** Error classes that arrive as themselves. Default: none but the framework's. */
  readonly errors?: readonly ErrorClass[];
  /** Budget of a call that sets none, in milliseconds, 1 … 60,000. Default: 10,000. */
  readonly callTimeoutMs?: number;
  /** Default: the platform's own, which Node.js has from version 22 on. */
  readonly WebSocket?: new (url: string) => WebSocketLike;
  readonly env?: Env;
}

/** Whom a call goes to. */
export interface OutsiderDestination {
  readonly address: string;
  readonly target: wire.OutsiderTarget;
}

/** Makes a reference to what the node has handed out. */
type Refer = (to: OutsiderDestination, isEntity: boolean) => AnyRef;

/** A reference that the node has handed out and that is in use here. */
interface Held {
  readonly recipient: WeakRef<Recipient>;
  /** How often it was received. */
  count: number;
}

interface Pending {
  readonly address: string;
  settle(outcome: { readonly value: unknown } | { readonly error: unknown }): void;
}

/**
 * One connection of a client. Frames wait for the node's welcome, so that calls need not; when it
 * ends, whatever waits is told, and never comes back to it.
 */
export class OutsiderLine {
  readonly welcomed: Promise<void>;
  readonly #url: string;
  readonly #options: OutsiderClientOptions;
  readonly #env: Env;
  readonly #codec = new CborCodec(wire.OUTSIDER_LIMITS);
  readonly #calls = new Map<number, Pending>();
  readonly #values: ValuePort;
  readonly #handedOut = new WeakMap<object, number>();
  readonly #held = new Map<number, Held>();
  readonly #exchange: OutsiderExchange;
  readonly #lastWords: LastWords;
  readonly #watches = new Map<number, { readonly address: string; onDown(down: Down): void }>();
  #onWelcome!: () => void;
  #onRefusal!: (error: Error) => void;
  #socket: WebSocketLike | undefined;
  #unsent: Uint8Array[] | undefined = [];
  #unsentBytes = 0;
  #name = '';
  /** Until the node has said which one it speaks, this one is taken for granted. */
  #version: number = wire.OUTSIDER_VERSION;
  #lastId = 0;
  #heardAt: number;
  #timer: Timer;
  #isOver = false;

  constructor(url: string, options: OutsiderClientOptions, refer: Refer) {
    this.#url = url;
    this.#options = options;
    this.#env = options.env ?? processEnv();
    this.#lastWords = new LastWords(this.#env, (id, reason) => this.#down(id, reason));
    this.#heardAt = this.#env.now();
    this.#timer = this.#env.setTimer(wire.HELLO_TIMEOUT_MS, () => {
      this.end(new Error(`no welcome within ${wire.HELLO_TIMEOUT_MS} ms`));
    });
    this.#values = {
      dehydrate: (value) => this.#dehydrate(value),
      hydrate: (tag, content) => this.#hydrate(tag, content, refer),
    };
    this.#exchange = new OutsiderExchange({
      env: this.#env,
      peer: url,
      leftovers: new Leftovers(),
      failed: (error) => {
        this.#env.log.error({ error }, 'a stream failed when its reader had gone');
      },
      encodeValue: (value) =>
        this.#exchange.sending(() => this.#codec.encodeValue(value, this.#values, 'element')),
      send: (frame) => {
        const bytes = this.#exchange.sending(() => this.#codec.encode(frame, this.#values));
        this.#send(bytes);
        return bytes.length;
      },
      hasRoom: () => this.#waitingBytes < wire.OUTSIDER_ROOM_BYTES,
      whenRoom: (run) => this.#whenRoom(run),
      timeoutMs: () => this.#options.callTimeoutMs ?? CALL_TIMEOUT_MS,
      run: async (_id, _args, body) => body(),
    });
    this.welcomed = new Promise((resolve, reject) => {
      this.#onWelcome = resolve;
      this.#onRefusal = reject;
    });
    this.welcomed.catch(() => undefined); // Who waits for calls only is told by them.
    void this.#open();
  }

  get name(): string {
    return this.#name;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  ask(
    to: OutsiderDestination,
    method: string,
    message: { readonly args: readonly unknown[]; readonly options: CallOptions | undefined },
  ): Promise<unknown> {
    const { signal, timeoutMs = this.#options.callTimeoutMs ?? CALL_TIMEOUT_MS } =
      message.options ?? {};
    const { address } = to;
    const tooLong = methodTooLong(address, method);
    if (tooLong !== undefined) throw tooLong;
    if (this.#isOver) throw new Unreachable(address, 'the connection that handed it out is over');
    if (signal?.aborted === true) throw new Cancelled(address, 'no', { cause: signal.reason });
    if (this.#calls.size >= wire.OUTSIDER_CALLS_MAX) {
      throw new Overloaded(address, 'calls in flight', wire.OUTSIDER_CALLS_MAX);
    }
    const id = (this.#lastId += 1);
    const frame = [wire.CALL, id, to.target, method, message.args, timeoutMs];
    this.#offer(frame, CALL_FIELDS);
    return new Promise((resolve, reject) => {
      const giveUp = (error: CallError, reason?: unknown): void => {
        this.#takeBack(id, reason);
        this.#settle(id, { error });
      };
      const timer = this.#env.setTimer(timeoutMs + CONFIRMATION_MS, () => {
        giveUp(new DeadlineExceeded(address, timeoutMs, 'unknown'));
      });
      const onAbort = (): void =>
        giveUp(new Cancelled(address, 'unknown', { cause: signal?.reason }), signal?.reason);
      signal?.addEventListener('abort', onAbort);
      this.#calls.set(id, {
        address,
        settle(outcome) {
          timer.cancel();
          signal?.removeEventListener('abort', onAbort);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.value);
        },
      });
    });
  }

  /** @param reason told to the method, if it can be sent */
  #takeBack(id: number, reason: unknown): void {
    const isWelcome = this.#unsent === undefined;
    const isTold = reason !== undefined && isWelcome && this.#version >= wire.OUTSIDER_VERSION_3;
    try {
      const frame = isTold ? [wire.CANCEL, id, reason] : [wire.CANCEL, id];
      this.#send(this.#exchange.sending(() => this.#codec.encode(frame, this.#values)));
    } catch {
      this.#send(this.#codec.encode([wire.CANCEL, id], this.#values));
    }
  }

  /** @throws {NotSerializable} {Overloaded} {BadArguments} executed: no */
  tell(to: OutsiderDestination, method: string, args: readonly unknown[]): void {
    const tooLong = methodTooLong(to.address, method);
    if (tooLong !== undefined) throw tooLong;
    this.#offer([wire.CAST, to.target, method, args], CAST_FIELDS);
  }

  /** @returns forgets it */
  monitor({ address, target }: OutsiderDestination, onDown: (down: Down) => void): () => void {
    const id = (this.#lastId += 1);
    this.#offer([wire.WATCH, id, target]);
    this.#watches.set(id, { address, onDown });
    return () => {
      if (!this.#watches.delete(id)) return;
      this.#send(this.#codec.encode([wire.UNWATCH, id], this.#values));
    };
  }

  /** Whatever waits is told; what never left may be tried again. */
  end(reason: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.cancel();
    const wasWelcome = this.#unsent === undefined;
    this.#unsent = [];
    this.#socket?.close();
    const { message } = reason;
    const options = { cause: reason };
    this.#onRefusal(
      reason instanceof OutsiderRefused ? reason : new Unreachable(this.#url, message, options),
    );
    for (const [id, { address }] of this.#calls) {
      const error = wasWelcome
        ? new SessionLost(address, message, options)
        : new Unreachable(address, message, options);
      this.#settle(id, { error });
    }
    for (const [id, { address }] of this.#watches) {
      this.#down(id, { kind: 'node-down', error: new SessionLost(address, message, options) });
    }
    this.#exchange.loseAll(message);
  }

  #down(id: number, reason: DownReason): void {
    const watch = this.#watches.get(id);
    this.#watches.delete(id);
    watch?.onDown({ address: watch.address, reason });
  }

  get #waitingBytes(): number {
    return this.#unsentBytes + (this.#socket?.bufferedAmount ?? 0);
  }

  #whenRoom(run: () => void): void {
    this.#env.setTimer(LOOK_FOR_ROOM_MS, () => {
      if (this.#isOver || this.#waitingBytes < wire.OUTSIDER_ROOM_BYTES) run();
      else this.#whenRoom(run);
    });
  }

  #offer(frame: readonly unknown[], fields?: readonly string[]): void {
    this.#exchange.sending(() => {
      const bytes = this.#codec.encode(frame, this.#values, fields);
      if (this.#waitingBytes + bytes.length > UNSENT_BYTES_MAX) {
        throw new Overloaded(this.#url, 'bytes that wait to be sent', UNSENT_BYTES_MAX);
      }
      this.#send(bytes);
    });
  }

  #send(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#unsent === undefined) return this.#socket?.send(bytes);
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
  }

  async #open(): Promise<void> {
    try {
      const { token, WebSocket = platformWebSocket() } = this.#options;
      const word = typeof token === 'string' ? token : await token();
      const hello = this.#codec.encode([wire.HELLO, wire.OUTSIDER_VERSION, word], this.#values);
      if (this.#isOver) return;
      const socket = new WebSocket(this.#url);
      this.#socket = socket;
      socket.binaryType = 'arraybuffer';
      socket.addEventListener('open', () => socket.send(hello));
      socket.addEventListener('message', ({ data }) => this.#receive(data));
      socket.addEventListener('error', (event) => this.end(failureOf(event)));
      socket.addEventListener('close', ({ reason }) => {
        this.end(new Error(reason === '' ? 'the node has hung up' : reason));
      });
    } catch (error) {
      this.end(errorOf(error));
    }
  }

  #receive(data: unknown): void {
    if (this.#isOver) return;
    this.#heardAt = this.#env.now();
    try {
      if (!(data instanceof ArrayBuffer)) throw new BadFrame('a message that is not binary');
      const bytes = new Uint8Array(data);
      for (const frame of this.#codec.decodeSequence(bytes, this.#values, OWN_MEMORY)) {
        this.#dispatch(new FrameReader(frame, data.byteLength));
      }
    } catch (error) {
      this.end(errorOf(error));
    }
  }

  #dispatch(frame: FrameReader): void {
    switch (frame.type) {
      case wire.WELCOME:
        return this.#welcome(frame);
      case wire.REFUSED:
        return this.end(new OutsiderRefused(frame.text()));
      case wire.RESULT:
        return this.#settle(frame.number(), { value: frame.any() });
      case wire.FAIL:
        return this.#settle(frame.number(), { error: frame.any() });
      case wire.PING:
        return this.#send(this.#codec.encode([wire.PONG], this.#values));
      case wire.DOWN:
        return this.#lastWords.down(frame.number(), downReason(frame.any()));
      default:
        if (this.#exchange.receive(frame, frame.bytes)) return;
        throw new BadFrame(`unknown frame type ${String(frame.type)}`);
    }
  }

  #welcome(frame: FrameReader): void {
    this.#version = frame.number();
    frame.text();
    this.#name = frame.text();
    const unsent = this.#unsent ?? [];
    this.#unsent = undefined;
    this.#unsentBytes = 0;
    for (const bytes of unsent) this.#socket?.send(bytes);
    this.#timer.cancel();
    this.#watchLife();
    this.#onWelcome();
  }

  #settle(id: number, outcome: { readonly value: unknown } | { readonly error: unknown }): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.settle(outcome);
  }

  /** The node sends something every now and then, a ping if nothing else. */
  #watchLife(): void {
    this.#timer = this.#env.setTimer(wire.PING_MS, () => {
      if (this.#env.now() - this.#heardAt < wire.LOST_MS) this.#watchLife();
      else this.end(new Error('no sign of life from the node'));
    });
  }

  #dehydrate(value: object): { tag: number; content: unknown } | undefined {
    if (value instanceof Error) return { tag: wire.ERROR, content: errorToWire(value) };
    if (!isRef(value)) {
      return this.#version < wire.versionOf(value) ? undefined : this.#exchange.dehydrate(value);
    }
    const recipient = recipientOf(value as AnyRef);
    const id = this.#handedOut.get(recipient);
    if (id !== undefined) return { tag: wire.REFERENCE, content: id };
    throw new NotSerializable(recipient.address, 'the node has not handed out this reference');
  }

  #hydrate(tag: number, content: unknown, refer: Refer): unknown {
    if (tag === wire.ERROR) return errorFromWire(content, this.#options.errors);
    const given = this.#exchange.hydrate(tag, content);
    if (given !== undefined) return given;
    if (tag !== wire.REFERENCE || !Array.isArray(content)) throw new BadFrame(`tag ${tag}`);
    const [id, kind, key, address] = content as unknown[];
    if (typeof id !== 'number' || typeof kind !== 'string' || typeof address !== 'string') {
      throw new BadFrame('reference');
    }
    const known = this.#held.get(id);
    const recipient = known?.recipient.deref();
    if (known !== undefined && recipient !== undefined) {
      known.count += 1;
      return recipient.ref;
    }
    const entity = typeof key === 'string' ? ([kind, key] as const) : undefined;
    const ref = refer({ address, target: entity ?? id }, entity !== undefined);
    this.#hold(id, recipientOf(ref));
    return ref;
  }

  #hold(id: number, recipient: Recipient): void {
    this.#handedOut.set(recipient, id);
    const held = { recipient: new WeakRef(recipient), count: 1 };
    this.#held.set(id, held);
    this.#env.whenCollected?.(recipient, this.#releaseOf(id, held));
  }

  /** Apart from where it is received: what waits for its collection must not refer to it. */
  #releaseOf(id: number, held: Held): () => void {
    return () => {
      // It may have been received anew after it was forgotten.
      if (this.#held.get(id) === held) this.#held.delete(id);
      if (this.#version < wire.OUTSIDER_VERSION_3) return;
      this.#send(this.#codec.encode([wire.RELEASE, id, held.count], this.#values));
    };
  }
}

/** Why a socket could not be made, as far as its platform tells. */
function failureOf(event: object): Error {
  const failed = 'no WebSocket could be made';
  const cause = 'error' in event ? event.error : undefined;
  const said = 'message' in event && typeof event.message === 'string' ? event.message : '';
  const reason = said === '' && cause !== undefined ? errorOf(cause).message : said;
  return new Error(reason === '' ? failed : `${failed}: ${reason}`, { cause });
}

function platformWebSocket(): new (url: string) => WebSocketLike {
  const { WebSocket } = globalThis as { WebSocket?: new (url: string) => WebSocketLike };
  if (WebSocket !== undefined) return WebSocket;
  throw new TypeError("this platform has no WebSocket: pass { WebSocket } from the package 'ws'");
}
