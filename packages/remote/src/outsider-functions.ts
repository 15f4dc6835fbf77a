import {
  type CallError,
  DeadlineExceeded,
  type Env,
  NoSuchActor,
  Overloaded,
  type SessionLost,
} from '@troupe/actor';
import { errorOf } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import type { FrameReader } from './frames.ts';
import { calledFromAfar, Functions } from './functions.ts';
import { listOf } from './identity.ts';
import type { Loan } from './loan.ts';
import * as wire from './outsider-frames.ts';
import { insteadOfOutcome } from './unsent.ts';

/** How an ANSWER came about. */
const RETURNED = 0;
const THREW = 1;

/** One connection between a node and an outsider, as their functions see it. */
export interface FunctionsWire {
  readonly env: Env;
  /** Who is at the other side, for errors. */
  readonly peer: string;
  /** @throws {NotSerializable} */
  send(frame: readonly unknown[]): unknown;
  hasRoom(): boolean;
  /** How long a call that begins now may take, in milliseconds. */
  timeoutMs(): number;
  /** Runs `body`, a function that was given to the other side, with whatever is around it. */
  run(id: number, args: readonly unknown[], body: () => unknown): Promise<unknown>;
}

interface Asked {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * The functions that a node and one outsider have given each other, and their calls. Each side
 * numbers its calls by itself; a call ends with its answer, its time, or the connection.
 */
export class OutsiderFunctions {
  readonly #wire: FunctionsWire;
  readonly #functions: Functions;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;
  /** Calls of the other side's that run here. */
  #running = 0;

  constructor(functionsWire: FunctionsWire) {
    this.#wire = functionsWire;
    const { env, peer } = functionsWire;
    this.#functions = new Functions({
      peer,
      invoke: (id, args) => this.#ask(id, args),
      release: (id, count) => this.#wire.send([wire.GIVE_BACK, id, count]),
      whenCollected: (value, run) => env.whenCollected?.(value, run),
      lentMax: wire.OUTSIDER_FUNCTIONS_MAX,
    });
  }

  get size(): number {
    return this.#functions.lent + this.#functions.held;
  }

  dehydrate(body: (...args: unknown[]) => unknown): Loan {
    return this.#functions.dehydrate(body);
  }

  hydrate(content: unknown): object {
    return this.#functions.hydrate(listOf(content));
  }

  /** @returns false when the frame is about nothing of this */
  receive(frame: FrameReader): boolean {
    switch (frame.type) {
      case wire.INVOKE:
        this.#invoked(frame.number(), frame.number(), frame.list());
        return true;
      case wire.ANSWER:
        this.#answered(frame);
        return true;
      case wire.GIVE_BACK:
        this.#functions.released(frame.number(), frame.number());
        return true;
      default:
        return false;
    }
  }

  /** The connection is over. */
  loseAll(error: SessionLost): void {
    this.#functions.loseAll();
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const each of asked) each.reject(error);
  }

  #ask(id: number, args: readonly unknown[]): Promise<unknown> {
    const { env, peer } = this.#wire;
    const to = `a function of ${peer}`;
    if (this.#asked.size >= wire.OUTSIDER_CALLS_MAX) {
      return Promise.reject(new Overloaded(to, 'calls in flight', wire.OUTSIDER_CALLS_MAX));
    }
    if (!this.#wire.hasRoom()) {
      const bound = 'bytes that wait to be sent';
      return Promise.reject(new Overloaded(to, bound, wire.OUTSIDER_ROOM_BYTES));
    }
    const call = (this.#lastId += 1);
    const timeoutMs = this.#wire.timeoutMs();
    return new Promise((resolve, reject) => {
      this.#wire.send([wire.INVOKE, call, id, args]);
      const timer = env.setTimer(timeoutMs, () => {
        this.#asked.delete(call);
        reject(new DeadlineExceeded(to, timeoutMs, 'unknown'));
      });
      const settle = <T>(how: (outcome: T) => void): ((outcome: T) => void) => {
        return (outcome) => {
          timer.cancel();
          how(outcome);
        };
      };
      this.#asked.set(call, { resolve: settle(resolve), reject: settle(reject) });
    });
  }

  #answered(frame: FrameReader): void {
    const id = frame.number();
    const how = frame.number();
    const outcome = frame.any();
    if (id > this.#lastId) throw new BadFrame(`an answer to call ${id}, which was never made`);
    const asked = this.#asked.get(id); // Its time may be over.
    this.#asked.delete(id);
    if (how === RETURNED) asked?.resolve(outcome);
    else asked?.reject(errorOf(outcome));
  }

  #invoked(call: number, id: number, args: readonly unknown[]): void {
    const body = this.#functions.find(id);
    const refusal = this.#refusalOf(id, body !== undefined);
    if (body === undefined || refusal !== undefined) return this.#answer(call, THREW, refusal);
    this.#running += 1;
    const ended = (how: number, outcome: unknown): void => {
      this.#running -= 1;
      this.#answer(call, how, outcome);
    };
    this.#wire
      .run(id, args, () => calledFromAfar(body, args))
      .then(
        (value) => ended(RETURNED, value),
        (error: unknown) => ended(THREW, errorOf(error)),
      );
  }

  #refusalOf(id: number, isKnown: boolean): CallError | undefined {
    const to = `function ${id}`;
    if (!isKnown) return new NoSuchActor(to, 'it was given back');
    if (this.#running < wire.OUTSIDER_CALLS_MAX) return undefined;
    return new Overloaded(to, 'calls that run', wire.OUTSIDER_CALLS_MAX);
  }

  /** One whose outcome cannot be sent is answered with why. */
  #answer(call: number, how: number, outcome: unknown): void {
    try {
      this.#wire.send([wire.ANSWER, call, how, outcome]);
    } catch (error) {
      this.#wire.send([wire.ANSWER, call, THREW, insteadOfOutcome(error)]);
    }
  }
}
