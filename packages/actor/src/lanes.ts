import type { Cell } from './cell.ts';
import { ownTurns } from './deadlock.ts';
import type { Envelope } from './envelope.ts';
import { Mailbox } from './mailbox.ts';
import { EXCLUSIVE, INTERLEAVE, READONLY, type Sharing } from './method.ts';

/**
 * What an actor needs whose class has more than plain methods: the queues beside its mailbox, and
 * all of its turns, since several may run.
 */
export class Lanes {
  /** Waits for nothing: interleaving methods, and calls that their own turn lets in. */
  readonly ahead: Mailbox = new Mailbox();
  readonly control: Mailbox = new Mailbox();
  /** Calls that wait for room in the mailbox. */
  readonly waiting: Mailbox = new Mailbox();
  readonly turns: Set<Envelope> = new Set();

  get all(): readonly Mailbox[] {
    return [this.ahead, this.control, this.waiting];
  }

  /**
   * The lane beside the mailbox that a message belongs in, if any.
   * @param isOpen false before the first hook is over: nothing may run yet
   */
  laneOf(cell: Cell, { method, context }: Envelope, isOpen: boolean): Mailbox | undefined {
    const { sharing, isControl } = method;
    const isLetIn = context !== undefined && ownTurns(cell, sharing, context) === 'let-in';
    if (isLetIn || (isOpen && sharing === INTERLEAVE)) return this.ahead;
    return isControl ? this.control : undefined;
  }

  /** Whether a method may begin beside the turns that run. */
  mayBegin(sharing: Sharing): boolean {
    if (sharing === INTERLEAVE) return true;
    for (const { method } of this.turns) {
      if (method.sharing === EXCLUSIVE) return false;
      if (method.sharing === READONLY && sharing === EXCLUSIVE) return false;
    }
    return true;
  }

  /** The next message that may have its turn now; `mailbox` is the actor's own. */
  take(mailbox: Mailbox | undefined): Envelope | undefined {
    const ahead = this.ahead.shift();
    if (ahead !== undefined) return ahead;
    const from = this.control.size > 0 ? this.control : mailbox;
    const next = from?.first;
    if (next === undefined || !this.mayBegin(next.method.sharing)) return undefined;
    from?.remove(next);
    return next;
  }
}
