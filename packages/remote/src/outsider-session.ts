import {
  type AnyRef,
  type Env,
  type Log,
  NotSerializable,
  Overloaded,
  Unauthorized,
} from '@troupe/actor';
import { Caller, Cell, isRef, type Recipient, recipientOf } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import type { CallerIdentity } from './caller.ts';
import type { Codec, ValuePort } from './codec.ts';
import { FrameReader } from './frames.ts';
import * as wire from './outsider-frames.ts';
import type { OutsiderHost, OutsiderIdentity } from './outsiders.ts';
import { RemoteActor } from './remote-actor.ts';
import type { Connection } from './transport.ts';
import { errorToWire } from './wire-error.ts';

/** Actors that one client may have been given references to. */
const HANDED_OUT_MAX = 1_024;
/** What may wait for a client that does not read. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;
const TIMEOUT_MS_MAX = 60_000;

/** What an outsider wants to do. */
export interface OutsiderCall {
  /** Of the entity, or of the actor that the client was given a reference to. */
  readonly kind: string;
  /** Of the entity; undefined for an actor that is none. */
  readonly key: string | undefined;
  readonly method: string;
}

export interface OutsiderSessionHost {
  readonly node: string;
  readonly env: Env;
  readonly log: Log;
  readonly codec: Codec;
  readonly router: OutsiderHost['router'];
  authenticate(token: string): OutsiderIdentity | undefined | Promise<OutsiderIdentity | undefined>;
  permits(caller: CallerIdentity, call: OutsiderCall): boolean;
  ended(): void;
}

/** A reference that the client has been given, and may send back. */
interface HandedOut {
  readonly ref: AnyRef;
  readonly kind: string;
  readonly key: string | undefined;
}

/** One client: until its token was accepted it is heard in one word, and from then on in calls. */
export class OutsiderSession {
  readonly #connection: Connection;
  readonly #host: OutsiderSessionHost;
  readonly #calls = new Map<number, AbortController>();
  readonly #handedOut = new Map<number, HandedOut>();
  /** The same by address, so that a reference has one number however often it is sent. */
  readonly #numbers = new Map<string, number>();
  readonly #values: ValuePort = {
    dehydrate: (value) => this.#dehydrate(value),
    hydrate: (tag, content) => this.#hydrate(tag, content),
  };
  #caller: CallerIdentity | undefined;
  #isHeard = false;
  #cancels = 0;
  #heardAt: number;
  #isOver = false;

  constructor(connection: Connection, host: OutsiderSessionHost) {
    this.#connection = connection;
    this.#host = host;
    this.#heardAt = host.env.now();
    const timer = host.env.setTimer(wire.HELLO_TIMEOUT_MS, () => {
      if (this.#caller === undefined) this.#refuse('no token came in time');
    });
    connection.start({
      data: (bytes) => this.#receive(bytes),
      closed: () => {
        timer.cancel();
        this.#over();
      },
    });
  }

  /** Ends it after what was sent. */
  end(reason: string): void {
    this.#over();
    this.#connection.close();
    this.#host.log.debug({ client: this.#caller?.name, reason }, 'a client has gone');
  }

  /** Asks for a sign of life, or gives up the client that gives none. */
  checkLife(): void {
    if (this.#host.env.now() - this.#heardAt >= wire.LOST_MS) this.end('it is silent');
    else this.#send([wire.PING]);
    this.#cancels = 0;
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#heardAt = this.#host.env.now();
    try {
      for (const frame of this.#host.codec.decodeSequence(bytes, this.#values)) {
        this.#dispatch(new FrameReader(frame));
      }
    } catch (error) {
      this.#host.log.warn(
        { from: this.#connection.remoteAddress, error },
        'a client broke the protocol',
      );
      this.#over();
      this.#connection.destroy();
    }
  }

  #dispatch(frame: FrameReader): void {
    if (frame.type === wire.HELLO) return this.#onHello(frame);
    if (this.#caller === undefined) throw new BadFrame('nothing may come before the token');
    switch (frame.type) {
      case wire.CALL:
        return this.#call(this.#caller, frame);
      case wire.CAST:
        return this.#cast(this.#caller, frame);
      case wire.CANCEL:
        return this.#cancel(frame.number());
      case wire.PONG:
        return; // Its bytes were the sign of life.
      default:
        throw new BadFrame(`unknown frame type ${String(frame.type)}`);
    }
  }

  #onHello(frame: FrameReader): void {
    if (this.#isHeard) throw new BadFrame('a second token');
    this.#isHeard = true;
    const version = frame.number();
    const token = frame.text(wire.TOKEN_CHARS_MAX);
    if (version === wire.OUTSIDER_VERSION) void this.#letIn(token);
    else this.#refuse(`it speaks version ${version}, the node ${wire.OUTSIDER_VERSION}`);
  }

  async #letIn(token: string): Promise<void> {
    try {
      const identity = await this.#host.authenticate(token);
      if (this.#isOver) return;
      if (identity === undefined) return this.#refuse('its token is not accepted');
      this.#send([wire.WELCOME, wire.OUTSIDER_VERSION, this.#host.node, identity.name]);
      this.#caller = { ...identity, kind: 'outsider' };
    } catch (error) {
      this.#host.log.error({ error }, 'the token of a client could not be looked at');
      this.#refuse('its token could not be looked at');
    }
  }

  #refuse(reason: string): void {
    if (this.#isOver) return;
    const from = this.#connection.remoteAddress;
    this.#host.log.warn({ from, reason }, 'an outsider was refused');
    this.#send([wire.REFUSED, reason]);
    this.#over();
    this.#connection.close();
  }

  #call(caller: CallerIdentity, frame: FrameReader): void {
    const id = frame.number();
    const target = targetOf(frame);
    const method = frame.text();
    const args = frame.list();
    const timeoutMs = Math.min(Math.max(1, frame.number()), TIMEOUT_MS_MAX);
    if (this.#calls.has(id)) throw new BadFrame(`call ${id} is under way already`);
    if (this.#calls.size >= wire.OUTSIDER_CALLS_MAX) {
      const { node } = this.#host;
      const full = new Overloaded(node, 'calls of one client', wire.OUTSIDER_CALLS_MAX);
      return this.#answer([wire.FAIL, id, full]);
    }
    const abort = new AbortController();
    this.#calls.set(id, abort);
    const ask = async (): Promise<unknown> => {
      const to = recipientOf(this.#permitted(caller, target, method));
      const options = { timeoutMs, signal: abort.signal };
      return to.ask(method, args, Caller.within(undefined, options, caller));
    };
    const done = (frame: readonly unknown[]): void => {
      this.#calls.delete(id);
      this.#answer(frame);
    };
    ask().then(
      (value) => done([wire.RESULT, id, value]),
      (error: unknown) => done([wire.FAIL, id, asError(error)]),
    );
  }

  /** A method that runs goes on when its call is cancelled, so that many such calls cost much. */
  #cancel(id: number): void {
    this.#cancels += 1;
    if (this.#cancels > wire.OUTSIDER_CANCELS_MAX) throw new BadFrame('too many calls cancelled');
    this.#calls.get(id)?.abort();
  }

  #cast(caller: CallerIdentity, frame: FrameReader): void {
    const target = targetOf(frame);
    const method = frame.text();
    const args = frame.list();
    try {
      recipientOf(this.#permitted(caller, target, method)).tell(
        method,
        args,
        Caller.within(undefined, {}, caller),
      );
    } catch (error) {
      if (!(error instanceof Unauthorized)) throw error;
      const { message: reason } = error;
      this.#host.log.warn({ client: caller.name, reason }, 'a message was refused');
    }
  }

  /** @throws {Unauthorized} when there is no such target too: who may not know, is not told */
  #permitted(caller: CallerIdentity, target: wire.OutsiderTarget, method: string): AnyRef {
    if (typeof target === 'object') {
      const [kind, key] = target;
      const isPermitted = this.#host.permits(caller, { kind, key, method });
      if (isPermitted) return this.#host.router.refer(kind, key);
      throw new Unauthorized(`${kind}/${key}`, method);
    }
    const found = this.#handedOut.get(target);
    if (found !== undefined) {
      const { ref, kind, key } = found;
      if (this.#host.permits(caller, { kind, key, method })) return ref;
    }
    throw new Unauthorized(`#${target}`, method);
  }

  #dehydrate(value: object): { tag: number; content: unknown } | undefined {
    if (value instanceof Error) return { tag: wire.ERROR, content: errorToWire(value) };
    if (!isRef(value)) return undefined;
    const ref = value as AnyRef;
    const recipient = recipientOf(ref);
    const { address } = recipient;
    const [kind, key] = this.#host.router.entityOf(recipient) ?? [kindOf(recipient), undefined];
    let id = this.#numbers.get(address);
    if (id === undefined) {
      if (this.#handedOut.size >= HANDED_OUT_MAX) {
        throw new NotSerializable(
          address,
          `a client is given ${HANDED_OUT_MAX} references at most`,
        );
      }
      id = this.#numbers.size + 1;
      this.#numbers.set(address, id);
      this.#handedOut.set(id, { ref, kind, key });
    }
    return { tag: wire.REFERENCE, content: [id, kind, key, address] };
  }

  #hydrate(tag: number, content: unknown): unknown {
    const found = this.#handedOut.get(content as number);
    if (tag === wire.REFERENCE && found !== undefined) return found.ref;
    throw new BadFrame('a reference that was never handed out');
  }

  /** An outcome. One that cannot be sent is answered with why. */
  #answer(frame: readonly unknown[]): void {
    try {
      this.#send(frame);
    } catch (error) {
      const [, id] = frame;
      const why =
        error instanceof NotSerializable
          ? new NotSerializable(error.path, error.issue, 'yes')
          : new Error('the outcome could not be sent');
      this.#send([wire.FAIL, id, why]);
    }
  }

  #send(frame: readonly unknown[]): void {
    if (this.#isOver) return;
    this.#connection.write(this.#host.codec.encode(frame, this.#values));
    if (this.#connection.bufferedBytes <= UNREAD_BYTES_MAX) return;
    this.#over();
    this.#connection.destroy();
  }

  /** What is still under way for the client is told that nobody waits. */
  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const call of this.#calls.values()) call.abort();
    this.#host.ended();
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function kindOf(recipient: Recipient): string {
  if (recipient instanceof Cell) return recipient.definition.kind;
  return recipient instanceof RemoteActor ? recipient.kind : '';
}

function targetOf(frame: FrameReader): wire.OutsiderTarget {
  const target = frame.any();
  if (wire.isOutsiderTarget(target)) return target;
  throw new BadFrame('a call without a target');
}
