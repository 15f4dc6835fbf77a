import { onAbort } from './abort.ts';
import type { ChannelCore } from './channel-core.ts';
import { ChannelClosed } from './errors.ts';
import { Waiter } from './wait-list.ts';

/** What its caller makes of the outcome: an element, a `Received`, a step of a loop, or nothing. */
export const RECEIVE = 0;
export const NEXT = 1;
export const STEP = 2;
export const SEND = 3;
export type Form = typeof RECEIVE | typeof NEXT | typeof STEP | typeof SEND;

/** A promise and its place in a channel's queue: one send or receive that waits. */
export class Parked<T> extends Waiter<T> {
  declare readonly promise: Promise<unknown>;
  declare private readonly form: Form;
  declare private readonly isBuffered: boolean;
  declare private readonly resolve: (result: unknown) => void;
  declare private readonly reject: (error: unknown) => void;
  declare private unlisten: (() => void) | undefined;

  constructor(form: Form, { capacity }: ChannelCore<T>) {
    super();
    this.form = form;
    this.isBuffered = capacity > 0;
    this.unlisten = undefined;
    let resolve!: (result: unknown) => void;
    let reject!: (error: unknown) => void;
    this.promise = new Promise((onDone, onFailed) => {
      resolve = onDone;
      reject = onFailed;
    });
    this.resolve = resolve;
    this.reject = reject;
  }

  /**
   * Where there is a buffer, whoever waits is told a moment later. In that moment the other side
   * gets one element ahead, and from then on neither finds the buffer empty, or full, and has to
   * wait for every single element.
   */
  succeed(value: T | undefined): void {
    this.unlisten?.();
    const result = resultOf(this.form, value);
    if (this.isBuffered) queueMicrotask(() => this.resolve(result));
    else this.resolve(result);
  }

  fail(error: unknown): void {
    this.unlisten?.();
    if (this.form === NEXT) this.resolve({ ok: false, error });
    else if (this.form === STEP && error === undefined) this.resolve(END_OF_LOOP);
    else this.refuse(error ?? new ChannelClosed());
  }

  /** The first of a match and an abort wins; the signal is forgotten once there was a match. */
  abortBy(signal: AbortSignal): void {
    this.unlisten = onAbort(signal, () => {
      this.list?.remove(this);
      this.refuse(signal.reason);
    });
  }

  private refuse(error: unknown): void {
    // A send that nobody awaits must not end the process.
    if (this.form === SEND) this.promise.catch(ignore);
    this.reject(error);
  }
}

function resultOf(form: Form, value: unknown): unknown {
  switch (form) {
    case RECEIVE:
      return value;
    case NEXT:
      return { ok: true, value };
    case STEP:
      return { done: false, value };
    case SEND:
      return undefined;
  }
}

export const END_OF_LOOP: IteratorResult<never, undefined> = { done: true, value: undefined };

function ignore(): void {}
