/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {import('./log.js').Log} Log */
/** @typedef {import('../src/line.ts').Person} Person */

const RETRY_MS = 700;

/**
 * Own lines on their way to the room: one at a time, so that they arrive in the order in which
 * they were typed. A line leaves the outbox when the room shows it, not when it was sent.
 */
export class Outbox {
  /** @type {{ ref: string, text: string }[]} */
  #waiting = [];
  /** Taken by the room, not yet seen in it. @type {Map<string, string>} */
  #taken = new Map();
  #isSending = false;
  #isOpen = false;
  #connection;
  #log;

  /** @param {Connection} connection @param {Log} log */
  constructor(connection, log) {
    this.#connection = connection;
    this.#log = log;
  }

  /** @param {string} text @param {Person} by */
  say(text, by) {
    const ref = crypto.randomUUID();
    this.#log.pending(ref, by, text);
    this.#waiting.push({ ref, text });
    if (!this.#isOpen) this.#log.annotate(ref, 'waiting for the room');
    void this.#send();
  }

  /** In the room: what waits may go. */
  open() {
    this.#isOpen = true;
    void this.#send();
  }

  /** Out of touch: what is typed now waits. */
  close() {
    this.#isOpen = false;
    for (const { ref } of this.#waiting) this.#log.annotate(ref, 'waiting for the room');
  }

  /** Another room: nothing of this one is left to do. */
  clear() {
    this.#waiting = [];
    this.#taken.clear();
    this.#isOpen = false;
  }

  /** @param {string} ref the room has shown this line */
  arrived(ref) {
    this.#taken.delete(ref);
    this.#waiting = this.#waiting.filter((line) => line.ref !== ref);
  }

  /** The room began anew: lines that the old one took and never showed may be lost with it. */
  roomBeganAnew() {
    for (const [ref, text] of this.#taken) this.#doubt(ref, text);
    this.#taken.clear();
  }

  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    for (;;) {
      const [line] = this.#waiting;
      if (line === undefined || !this.#isOpen) break;
      const answer = await this.#connection.post('say', { text: line.text, ref: line.ref });
      if (this.#waiting[0] !== line) continue; // Shown meanwhile, or the room was left.
      if (!answer.ok && answer.executed === 'no' && answer.refused === undefined) {
        // It certainly did not happen, so saying it again cannot say it twice.
        this.#log.annotate(line.ref, `${answer.why}; trying again`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      this.#waiting.shift();
      if (answer.ok) {
        this.#taken.set(line.ref, line.text);
        this.#log.annotate(line.ref, '');
      } else if (answer.executed === 'unknown') this.#doubt(line.ref, line.text);
      else this.#refused(line.ref, answer.why);
    }
    this.#isSending = false;
  }

  /** @param {string} ref @param {string} text */
  #doubt(ref, text) {
    this.#log.annotate(ref, 'The room went away: nobody can say who has read this.', {
      'Say it again': () => {
        // The same ref: should the first one turn up after all, it settles this line too.
        this.#log.annotate(ref, '');
        this.#waiting.push({ ref, text });
        void this.#send();
      },
      Discard: () => this.#log.discard(ref),
    });
  }

  /** @param {string} ref @param {string} why */
  #refused(ref, why) {
    this.#log.annotate(ref, `Not said: ${why}.`, { Discard: () => this.#log.discard(ref) });
  }
}
