import { type Envelope, QUEUED } from './envelope.ts';
import { Overloaded, refusal } from './errors.ts';
import { Mailbox } from './mailbox.ts';

/** Messages that an actor may set aside. */
const STASH_MAX = 1_024;

/** Carries the wish to set a message aside from its method back to the runtime. */
export class Stashed extends Error {
  override readonly name = 'Stashed';
  constructor() {
    super('the message was set aside: let this error pass, it is meant for the runtime');
  }
}

/** What an actor has set aside. */
export class Stash {
  readonly mailbox: Mailbox = new Mailbox();

  /** @throws {Overloaded} when there is no room for one more */
  checkRoom(address: string): void {
    if (this.mailbox.size < STASH_MAX) return;
    throw refusal(new Overloaded(address, 'stash', STASH_MAX));
  }

  add(envelope: Envelope): void {
    envelope.stage = QUEUED;
    this.mailbox.push(envelope);
  }

  /** Puts all before what waits in `mailbox`, in the order it was set aside. */
  moveBefore(mailbox: Mailbox): void {
    const envelopes: Envelope[] = [];
    for (let one = this.mailbox.shift(); one !== undefined; one = this.mailbox.shift()) {
      envelopes.push(one);
    }
    for (const envelope of envelopes.reverse()) mailbox.unshift(envelope);
  }
}
