import { onAbort } from './abort.ts';
import {
  channelBehind,
  type Received,
  type Receiver,
  ReceiverEnd,
  type Sender,
} from './channel.ts';
import { type ChannelCore, CLOSED } from './channel-core.ts';
import { type Env, processDefault } from './env.ts';
import { checkDuration, TIMER_MS_MAX } from './number-limits.ts';
import { Waiter } from './wait-list.ts';

declare const sends: unique symbol;
declare const waits: unique symbol;

/** A case that hands a value over. The value is fixed when the case is made, as in Go. */
export interface Sending {
  readonly [sends]: true;
}

/** A case that is ready when a time has passed. */
export interface After {
  readonly [waits]: true;
}

class SendCase {
  readonly core: ChannelCore<unknown>;
  readonly value: unknown;

  constructor(core: ChannelCore<unknown>, value: unknown) {
    this.core = core;
    this.value = value;
  }
}

class AfterCase {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

export function sending<T>(to: Sender<T>, value: T): Sending {
  const channel = channelBehind(to);
  if (channel === undefined) throw new TypeError('sending(to, value) takes a sender of a channel');
  const { core } = channel;
  return new SendCase(core, core.admit(value)) as object as Sending;
}

/** @param ms counted from the select that it is part of, 0 … 2 ** 31 - 1 */
export function after(ms: number): After {
  checkDuration('ms', ms, [0, TIMER_MS_MAX]);
  return new AfterCase(ms) as object as After;
}

/** A receiver, `sending(…)`, `after(…)` or a signal; anything false disables the case. */
export type SelectCase =
  | Receiver<unknown>
  | Sending
  | After
  | AbortSignal
  | false
  | null
  | undefined
  | 0
  | '';

type Outcome<K, C> =
  C extends Receiver<infer T>
    ? { readonly case: K } & Received<T>
    : C extends Sending | After
      ? { readonly case: K }
      : C extends AbortSignal
        ? { readonly case: K; readonly reason: unknown }
        : never;

/** One member for each case, told apart by `case`: the name the case was given. */
export type Selected<C extends Record<string, SelectCase>> = {
  [K in keyof C]: Outcome<K, C[K]>;
}[keyof C];

export interface SelectOptions {
  /** Default: the process's own. */
  readonly env?: Env;
}

/**
 * Waits until one of the cases can go on, and lets exactly that one go on; when several can, one
 * of them is drawn at random. The others are as if they had never been tried.
 *
 *     const r = await select({ line: lines, sent: sending(out, v), tick: after(1_000) });
 *     switch (r.case) { case 'line': if (r.ok) print(r.value); … }
 *
 * A receive case whose channel is closed goes on with `ok: false`; a send case whose channel is
 * closed rejects with `ChannelClosed`. Without any case it waits for ever.
 * @see The Go Programming Language Specification, "Select statements"; runtime/select.go
 */
export function select<const C extends Record<string, SelectCase>>(
  cases: C,
  options: SelectOptions = {},
): Promise<Selected<C>> {
  const env = options.env ?? processDefault;
  const ready = drawn(cases, env);
  if (ready === undefined) return new Selecting(cases, env).promise as Promise<Selected<C>>;
  const { value } = ready;
  let outcome: Selected<C>;
  try {
    outcome = goOn(ready) as Selected<C>;
  } catch (error) {
    return Promise.reject(error);
  }
  const core = value instanceof ReceiverEnd || value instanceof SendCase ? value.core : undefined;
  return core?.budget.spend() === true ? core.afterIo(outcome) : Promise.resolve(outcome);
}

/**
 * As `select`, but does not wait: `undefined` when no case can go on now (Go's `default`).
 * @throws {ChannelClosed} when the case that is drawn sends into a closed channel
 */
export function selectNow<const C extends Record<string, SelectCase>>(
  cases: C,
  options: SelectOptions = {},
): Selected<C> | undefined {
  const ready = drawn(cases, options.env ?? processDefault);
  return ready === undefined ? undefined : (goOn(ready) as Selected<C>);
}

/** A case and its name, by which it is not looked up again: that would be the slow kind of read. */
interface Drawn {
  readonly name: string;
  readonly value: SelectCase;
}

/** The first pass only looks: one case of those that can go on, each as likely. */
function drawn(cases: Record<string, SelectCase>, env: Env): Drawn | undefined {
  let ready = '';
  let chosen: SelectCase;
  let count = 0;
  for (const name in cases) {
    const value = cases[name];
    // What most cases are is asked here: small enough to become part of the loop.
    const isReady = value instanceof ReceiverEnd ? value.core.canPoll() : isOtherReady(name, value);
    if (!isReady) continue;
    count += 1;
    // The n-th takes the place of the one before with a chance of 1 in n (reservoir sampling).
    if (count > 1 && env.random() * count >= 1) continue;
    ready = name;
    chosen = value;
  }
  return count === 0 ? undefined : { name: ready, value: chosen };
}

function isCase(
  value: SelectCase,
): value is Exclude<SelectCase, false | null | undefined | 0 | ''> {
  return Boolean(value);
}

function isOtherReady(name: string, value: SelectCase): boolean {
  if (!isCase(value)) return false;
  if (value instanceof SendCase) return value.core.canOffer();
  if (value instanceof AfterCase) return false;
  if (value instanceof AbortSignal) return value.aborted;
  throw new TypeError(`case '${name}' is no receiver, sending(…), after(…) or signal`);
}

/** The case can go on: it does. */
function goOn({ name, value }: Drawn): object {
  if (value instanceof ReceiverEnd) {
    const core: ChannelCore<unknown> = value.core;
    const element = core.poll();
    if (element === CLOSED) return { case: name, ok: false, error: core.closeError };
    return { case: name, ok: true, value: element };
  }
  if (value instanceof AbortSignal) return { case: name, reason: value.reason as unknown };
  const { core, value: element } = value as object as SendCase;
  if (!core.offer(element)) throw core.sendError();
  return { case: name };
}

/** The second pass: one waiter in the queue of every case, of which the first to be met wins. */
class Selecting {
  readonly promise: Promise<object>;
  #resolve!: (outcome: object) => void;
  #reject!: (error: unknown) => void;
  #isDecided = false;
  #waiters: CaseWaiter | undefined = undefined;
  /** Of timers and signals. */
  #undo: (() => void)[] | undefined = undefined;

  constructor(cases: Record<string, SelectCase>, env: Env) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    for (const name of shuffled(Object.keys(cases), env)) {
      const value = cases[name];
      // Waiting at a remote end can find its node lost, which decides the select at once.
      if (!this.#isDecided && isCase(value)) this.#park(name, value, env);
    }
  }

  /** One case goes on: all others leave their queues before anybody can meet them. */
  claim(): void {
    this.#isDecided = true;
    for (let waiter = this.#waiters; waiter !== undefined; waiter = waiter.sibling) {
      if (waiter.list !== undefined) waiter.list.remove(waiter);
    }
    if (this.#undo !== undefined) for (const undo of this.#undo) undo();
  }

  resolve(outcome: object): void {
    this.#resolve(outcome);
  }

  reject(error: unknown): void {
    this.#reject(error);
  }

  #park(name: string, value: object, env: Env): void {
    if (value instanceof ReceiverEnd) {
      value.core.parkReceiver((this.#waiters = new CaseWaiter(this, name, false)));
    } else if (value instanceof SendCase) {
      value.core.parkSender((this.#waiters = new CaseWaiter(this, name, true)), value.value);
    } else if (value instanceof AfterCase) {
      const timer = env.setTimer(value.ms, () => {
        this.claim();
        this.resolve({ case: name });
      });
      (this.#undo ??= []).push(() => timer.cancel());
    } else if (value instanceof AbortSignal) {
      const forget = onAbort(value, () => {
        this.claim();
        this.resolve({ case: name, reason: value.reason as unknown });
      });
      (this.#undo ??= []).push(forget);
    }
  }

  get last(): CaseWaiter | undefined {
    return this.#waiters;
  }
}

/** Fisher–Yates: of two cases of one channel neither is to be the first to be met. */
function shuffled(names: string[], env: Env): string[] {
  for (let i = names.length - 1; i > 0; i -= 1) {
    const j = Math.floor(env.random() * (i + 1));
    const name = names[i] as string;
    names[i] = names[j] as string;
    names[j] = name;
  }
  return names;
}

class CaseWaiter extends Waiter<unknown> {
  readonly sibling: CaseWaiter | undefined;
  readonly #selecting: Selecting;
  readonly #name: string;
  readonly #sends: boolean;

  constructor(selecting: Selecting, name: string, sends: boolean) {
    super();
    this.sibling = selecting.last;
    this.#selecting = selecting;
    this.#name = name;
    this.#sends = sends;
  }

  override claim(): void {
    this.#selecting.claim();
  }

  override get operation(): object {
    return this.#selecting;
  }

  succeed(value: unknown): void {
    const name = this.#name;
    this.#selecting.resolve(this.#sends ? { case: name } : { case: name, ok: true, value });
  }

  fail(error: unknown): void {
    if (this.#sends) this.#selecting.reject(error);
    else this.#selecting.resolve({ case: this.#name, ok: false, error });
  }
}
