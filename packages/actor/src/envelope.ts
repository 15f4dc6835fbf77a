import type { CallContext } from './context.ts';
import type { Mailbox } from './mailbox.ts';
import type { Method } from './method.ts';
import type { Reply } from './recipient.ts';

/** Where a message is in its life; it only ever moves down this list. */
export const QUEUED = 0;
export const RUNNING = 1;
export const DONE = 2;

/**
 * One message to one actor, and its place in the mailbox: the links are part of it, so that
 * taking a cancelled message out of a long queue costs the same as out of a short one.
 */
export class Envelope {
  next: Envelope | undefined;
  previous: Envelope | undefined;
  /** Where it waits. */
  mailbox: Mailbox | undefined;
  stage: typeof QUEUED | typeof RUNNING | typeof DONE = QUEUED;
  /** Made when the method first looks at `ctx.signal`; most never do. */
  abort: AbortController | undefined;
  readonly method: Method;
  args: readonly unknown[];
  /** `undefined`: a tell, or nobody waits any more. */
  reply: Reply | undefined;
  /** What the message came with; from the turn's first call on, the turn itself. */
  context: CallContext | undefined;

  constructor(method: Method, args: readonly unknown[], reply: Reply | undefined) {
    this.method = method;
    this.args = args;
    this.reply = reply;
    this.context = reply?.context;
  }
}
