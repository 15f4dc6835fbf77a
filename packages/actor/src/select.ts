import { channelBehind, type Received, type Receiver, type Sender } from './channel.ts';
import { type ChannelCore, CLOSED, EMPTY } from './channel-core.ts';
import { type Env, processEnv, type Timer } from './env.ts';
import { Waiter } from './wait-list.ts';

const sendKey: unique symbol = Symbol('sending');
const afterKey: unique symbol = Symbol('after');

/** A case that hands `value` over. The value is fixed when the case is made, as in Go. */
export interface Sending {
  readonly [sendKey]: { readonly core: ChannelCore<unknown>; readonly value: unknown };
}

/** A case that is ready when the time has passed. */
export interface After {
  readonly [afterKey]: number;
}

export function sending<T>(to: Sender<T>, value: T): Sending {
  const channel = channelBehind(to);
  if (channel === undefined) throw new TypeError('sending(to, value) takes a sender of a channel');
  return { [sendKey]: { core: channel.core, value: channel.core.admit(value) } };
}

/** @param ms counted from the select that it is part of, 0 … 2 ** 31 - 1 */
export function after(ms: number): After {
  if (!(ms >= 0 && ms < 2 ** 31)) throw new RangeError(`ms must be in 0 … 2 ** 31 - 1, not ${ms}`);
  return { [afterKey]: ms };
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

const processDefault = processEnv();

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
  const entries = shuffled(entriesOf(cases), env);
  const ready = pollAll(entries);
  if (ready !== undefined) return ready as Promise<Selected<C>>;
  return new Wait(entries, env).promise as Promise<Selected<C>>;
}

/** As `select`, but does not wait: `undefined` when no case can go on now (Go's `default`). */
export function selectNow<const C extends Record<string, SelectCase>>(
  cases: C,
  options: SelectOptions = {},
): Promise<Selected<C>> | undefined {
  const entries = shuffled(entriesOf(cases), options.env ?? processDefault);
  return pollAll(entries) as Promise<Selected<C>> | undefined;
}

type Entry =
  | { readonly kind: 'receive'; readonly name: string; readonly core: ChannelCore<unknown> }
  | {
      readonly kind: 'send';
      readonly name: string;
      readonly core: ChannelCore<unknown>;
      readonly value: unknown;
    }
  | { readonly kind: 'after'; readonly name: string; readonly ms: number }
  | { readonly kind: 'signal'; readonly name: string; readonly signal: AbortSignal };

function entriesOf(cases: Record<string, SelectCase>): Entry[] {
  const entries: Entry[] = [];
  for (const name of Object.keys(cases)) {
    const entry = entryOf(name, cases[name]);
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

function entryOf(name: string, value: SelectCase): Entry | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (sendKey in value) return { kind: 'send', name, ...value[sendKey] };
  if (afterKey in value) return { kind: 'after', name, ms: value[afterKey] };
  if (value instanceof AbortSignal) return { kind: 'signal', name, signal: value };
  const channel = channelBehind(value);
  if (channel !== undefined && channel.end !== 'send') {
    return { kind: 'receive', name, core: channel.core };
  }
  throw new TypeError(`case '${name}' is no receiver, sending(…), after(…) or signal`);
}

/** Fisher–Yates, so that no case is favoured by where it stands. */
function shuffled(entries: Entry[], env: Env): Entry[] {
  for (let i = entries.length - 1; i > 0; i -= 1) {
    const j = Math.floor(env.random() * (i + 1));
    const entry = entries[i] as Entry;
    entries[i] = entries[j] as Entry;
    entries[j] = entry;
  }
  return entries;
}

/** The first pass: whatever can go on now does. */
function pollAll(entries: readonly Entry[]): Promise<object> | undefined {
  for (const entry of entries) {
    const outcome = pollOne(entry);
    if (outcome !== undefined) return outcome;
  }
  return undefined;
}

function pollOne(entry: Entry): Promise<object> | undefined {
  const { kind, name } = entry;
  switch (kind) {
    case 'receive': {
      const value = entry.core.poll();
      if (value === EMPTY) return undefined;
      if (value !== CLOSED) return done({ case: name, ok: true, value }, entry.core);
      return done({ case: name, ok: false, error: entry.core.closeError }, entry.core);
    }
    case 'send':
      if (entry.core.offer(entry.value)) return done({ case: name }, entry.core);
      return entry.core.isClosed ? Promise.reject(entry.core.sendError()) : undefined;
    case 'signal':
      if (!entry.signal.aborted) return undefined;
      return Promise.resolve({ case: name, reason: entry.signal.reason as unknown });
    case 'after':
      return undefined;
  }
}

function done(outcome: object, { budget, env }: ChannelCore<unknown>): Promise<object> {
  if (!budget.spend()) return Promise.resolve(outcome);
  return new Promise((resolve) => env.afterIo(() => resolve(outcome)));
}

/** The second pass: one waiter in the queue of every case, of which the first to be met wins. */
class Wait {
  readonly promise: Promise<object>;
  readonly #waiters: CaseWaiter[] = [];
  readonly #timers: Timer[] = [];
  readonly #signals: [AbortSignal, () => void][] = [];
  resolve!: (outcome: object) => void;
  reject!: (error: unknown) => void;

  constructor(entries: readonly Entry[], env: Env) {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    for (const entry of entries) this.#park(entry, env);
  }

  /** One case goes on: all others leave their queues before anybody can meet them. */
  claim(): void {
    for (const waiter of this.#waiters) waiter.list?.remove(waiter);
    for (const timer of this.#timers) timer.cancel();
    for (const [signal, listener] of this.#signals) signal.removeEventListener('abort', listener);
  }

  #park(entry: Entry, env: Env): void {
    switch (entry.kind) {
      case 'after':
        this.#timers.push(
          env.setTimer(entry.ms, () => {
            this.claim();
            this.resolve({ case: entry.name });
          }),
        );
        return;
      case 'signal': {
        const { name, signal } = entry;
        const onAbort = (): void => {
          this.claim();
          this.resolve({ case: name, reason: signal.reason as unknown });
        };
        signal.addEventListener('abort', onAbort);
        this.#signals.push([signal, onAbort]);
        return;
      }
      case 'send': {
        const waiter = new CaseWaiter(this, entry.name, 'send');
        this.#waiters.push(waiter);
        entry.core.parkSender(waiter, entry.value);
        return;
      }
      case 'receive': {
        const waiter = new CaseWaiter(this, entry.name, 'receive');
        this.#waiters.push(waiter);
        entry.core.parkReceiver(waiter);
      }
    }
  }
}

class CaseWaiter extends Waiter<unknown> {
  readonly #wait: Wait;
  readonly #name: string;
  readonly #kind: 'send' | 'receive';

  constructor(wait: Wait, name: string, kind: 'send' | 'receive') {
    super();
    this.#wait = wait;
    this.#name = name;
    this.#kind = kind;
  }

  override claim(): void {
    this.#wait.claim();
  }

  succeed(value: unknown): void {
    const sent = this.#kind === 'send';
    this.#wait.resolve(sent ? { case: this.#name } : { case: this.#name, ok: true, value });
  }

  fail(error: unknown): void {
    if (this.#kind === 'send') this.#wait.reject(error);
    else this.#wait.resolve({ case: this.#name, ok: false, error });
  }
}
