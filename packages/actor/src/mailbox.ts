import type { Envelope } from './envelope.ts';

/** First in, first out, with O(1) removal from the middle. The bound is the owner's to keep. */
export class Mailbox {
  #first: Envelope | undefined;
  #last: Envelope | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): Envelope | undefined {
    return this.#first;
  }

  push(envelope: Envelope): void {
    const last = this.#last;
    envelope.mailbox = this;
    envelope.previous = last;
    if (last === undefined) this.#first = envelope;
    else last.next = envelope;
    this.#last = envelope;
    this.#size += 1;
  }

  /** Puts it before all others. */
  unshift(envelope: Envelope): void {
    const first = this.#first;
    envelope.mailbox = this;
    envelope.next = first;
    if (first === undefined) this.#last = envelope;
    else first.previous = envelope;
    this.#first = envelope;
    this.#size += 1;
  }

  shift(): Envelope | undefined {
    const first = this.#first;
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Harmless when `envelope` is not in this mailbox. */
  remove(envelope: Envelope): void {
    if (envelope.mailbox !== this) return;
    const { next, previous } = envelope;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    envelope.next = envelope.previous = envelope.mailbox = undefined;
    this.#size -= 1;
  }
}
