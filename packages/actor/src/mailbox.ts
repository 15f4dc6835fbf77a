import type { Envelope } from './envelope.ts';

/** First in, first out, with O(1) removal from the middle. The bound is the owner's to keep. */
export class Mailbox {
  #first: Envelope | undefined;
  #last: Envelope | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(envelope: Envelope): void {
    const last = this.#last;
    envelope.previous = last;
    if (last === undefined) this.#first = envelope;
    else last.next = envelope;
    this.#last = envelope;
    this.#size += 1;
  }

  shift(): Envelope | undefined {
    const first = this.#first;
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** The caller knows that `envelope` is in this mailbox. */
  remove(envelope: Envelope): void {
    const { next, previous } = envelope;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    envelope.next = envelope.previous = undefined;
    this.#size -= 1;
  }
}
