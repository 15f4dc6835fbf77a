import {
  ActorDown,
  type ActorSystem,
  type CallError,
  DeadlineExceeded,
  type DownReason,
  NoSuchActor,
  Overloaded,
  RemoteError,
} from '@troupe/actor';
import {
  type Cell,
  type Envelope,
  type Expiring,
  OUTSIDE,
  type Reply,
} from '@troupe/actor/internal';
import type { EntityTarget, FrameReader, Target } from './frames.ts';
import { DOWN, FAIL, RESULT } from './frames.ts';

/** Calls of one peer that may run or wait here; a cancelled one counts until it has ended. */
const CALLS_IN_PROGRESS_MAX = 65_536;
/** Actors of this node that one peer may monitor. */
const MONITORS_MAX = 65_536;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** Where messages for services and entities are brought to; the layer above knows. */
export interface Router {
  service(name: string): Cell | undefined;
  /** Brings the message to the entity's activation, here or by passing it on. */
  entity(target: EntityTarget, message: Message): void;
}

/** A message that has arrived and looks for its actor. */
export interface Message {
  readonly method: string;
  readonly args: readonly unknown[];
  /** Whether the sender waits for an outcome. */
  readonly asks: boolean;
  /** Puts it into the mailbox of `cell`. */
  deliver(cell: Cell): void;
  refuse(error: CallError): void;
}

export interface ReplySink {
  /**
   * Values that cannot travel make it send the failure instead.
   * @param actor who answers; the answers of one actor stay in order
   */
  reply(frame: readonly unknown[], actor: Cell | undefined): void;
}

/** All that one other node has asked of this one and not yet been told. */
export class Incoming {
  readonly #system: ActorSystem;
  readonly #router: Router;
  readonly #sink: ReplySink;
  readonly #calls = new Map<number, ServedCall>();
  readonly #watches = new Map<number, () => void>();

  constructor(system: ActorSystem, router: Router, sink: ReplySink) {
    this.#system = system;
    this.#router = router;
    this.#sink = sink;
  }

  call(frame: FrameReader): void {
    const id = frame.number();
    const target = frame.target();
    const method = frame.text();
    const args = frame.list();
    const timeoutMs = Math.min(Math.max(1, frame.number()), TIMEOUT_MS_MAX);
    const call = new ServedCall(this, { id, method, args, timeoutMs });
    if (this.#calls.size >= CALLS_IN_PROGRESS_MAX) {
      call.fail(new Overloaded(this.#system.name, 'calls of one peer', CALLS_IN_PROGRESS_MAX));
      return;
    }
    this.#calls.set(id, call);
    this.#system.deadlines.add(call, timeoutMs);
    this.#route(target, call);
  }

  cast(frame: FrameReader): void {
    const target = frame.target();
    const method = frame.text();
    const args = frame.list();
    const to = this.#addressOf(target);
    this.#route(target, {
      method,
      args,
      asks: false,
      deliver: (cell) => cell.tell(method, args, OUTSIDE),
      refuse: (reason) => this.#system.deadLetter({ to, method, reason }),
    });
  }

  /** The caller waits no longer. A call that runs already counts until it ends. */
  cancel(frame: FrameReader): void {
    const call = this.#calls.get(frame.number());
    if (call?.withdraw(new DOMException('cancelled by the caller', 'AbortError')) !== 'no') return;
    this.#calls.delete(call.id);
    this.#system.deadlines.remove(call);
  }

  stop(frame: FrameReader): void {
    const id = frame.number();
    const target = frame.target();
    const cell = typeof target === 'number' ? this.#system.find(target) : undefined;
    const stopped = cell?.stop() ?? Promise.resolve();
    void stopped.then(() => this.#sink.reply([RESULT, id, undefined], cell));
  }

  watch(frame: FrameReader): void {
    const id = frame.number();
    const target = frame.target();
    const cell = typeof target === 'number' ? this.#system.find(target) : undefined;
    if (cell === undefined || this.#watches.size >= MONITORS_MAX) {
      this.#sink.reply([DOWN, id, { kind: 'no-actor' } satisfies DownReason], cell);
      return;
    }
    const forget = cell.monitor(({ reason }) => {
      this.#watches.delete(id);
      this.#sink.reply([DOWN, id, reason], cell);
    });
    this.#watches.set(id, forget);
  }

  unwatch(frame: FrameReader): void {
    const id = frame.number();
    this.#watches.get(id)?.();
    this.#watches.delete(id);
  }

  /** The caller's node is out of reach: nobody waits for what waits or runs here. */
  dropAll(reason: unknown): void {
    for (const call of this.#calls.values()) {
      call.withdraw(reason);
      this.#system.deadlines.remove(call);
    }
    this.#calls.clear();
    for (const forget of this.#watches.values()) forget();
    this.#watches.clear();
  }

  /** The caller is answered; the call may still run, and counts until it has ended. */
  answer(call: ServedCall, frame: readonly unknown[]): void {
    this.#sink.reply(frame, call.actor);
  }

  /** @param frame the answer, when the caller has not been given one already */
  ended(call: ServedCall, frame: readonly unknown[] | undefined): void {
    this.#system.deadlines.remove(call);
    // False when the session has ended since; the outcome then has nowhere to go.
    if (this.#calls.delete(call.id) && frame !== undefined) {
      this.#sink.reply(frame, call.actor);
    }
  }

  #route(target: Target, message: Message): void {
    if (typeof target === 'object') {
      this.#router.entity(target, message);
      return;
    }
    const cell =
      typeof target === 'number' ? this.#system.find(target) : this.#router.service(target);
    if (cell !== undefined) message.deliver(cell);
    else if (typeof target === 'number') {
      message.refuse(new ActorDown(this.#addressOf(target), 'no'));
    } else message.refuse(new NoSuchActor(target, `node ${this.#system.name} has no such service`));
  }

  #addressOf(target: Target): string {
    if (typeof target === 'object') return `${target[0]}/${target[1]}`;
    return `${this.#system.name}/${typeof target === 'number' ? '#' : ''}${target}`;
  }
}

/** One call that has arrived, until its actor has answered. */
class ServedCall implements Reply, Expiring, Message {
  wheelNext: Expiring | undefined;
  wheelPrevious: Expiring | undefined;
  dueTick = -1;
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly asks = true;
  readonly #owner: Incoming;
  readonly #timeoutMs: number;
  #cell: Cell | undefined;
  #envelope: Envelope | undefined;
  /** The caller has been told that its time is over. */
  #expired = false;

  constructor(
    owner: Incoming,
    call: {
      readonly id: number;
      readonly method: string;
      readonly args: readonly unknown[];
      readonly timeoutMs: number;
    },
  ) {
    this.#owner = owner;
    this.id = call.id;
    this.method = call.method;
    this.args = call.args;
    this.#timeoutMs = call.timeoutMs;
  }

  get actor(): Cell | undefined {
    return this.#cell;
  }

  deliver(cell: Cell): void {
    this.#cell = cell;
    this.#envelope = cell.post(this.method, this.args, this);
  }

  refuse(error: CallError): void {
    this.fail(error);
  }

  succeed(value: unknown): void {
    this.#owner.ended(this, this.#expired ? undefined : [RESULT, this.id, value]);
  }

  fail(thrown: unknown): void {
    // Whatever else can be thrown, only errors travel as what went wrong.
    const error = thrown instanceof Error ? thrown : nonError(thrown);
    this.#owner.ended(this, this.#expired ? undefined : [FAIL, this.id, error]);
  }

  expire(): void {
    const address = this.#cell?.address ?? '';
    const executed = this.withdraw(new DOMException('the deadline has passed', 'TimeoutError'));
    const error = new DeadlineExceeded(address, this.#timeoutMs, executed);
    if (executed === 'no') return this.fail(error);
    this.#expired = true;
    this.#owner.answer(this, [FAIL, this.id, error]);
  }

  withdraw(reason: unknown): 'no' | 'unknown' {
    if (this.#cell === undefined || this.#envelope === undefined) return 'no';
    return this.#cell.withdraw(this.#envelope, reason);
  }
}

function nonError(thrown: unknown): RemoteError {
  return new RemoteError('NonError', String(thrown), undefined);
}
