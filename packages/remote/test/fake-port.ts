import { BadBytes } from '../dist/codec.js';
import type { ValuePort } from '../dist/codec.js';

/** Stands for what a session knows how to send: a number that means something on both sides. */
export class Ticket {
  constructor(
    readonly number: number,
    readonly note: unknown,
  ) {}
}

const TICKET = 7;

export const ticketPort: ValuePort = {
  dehydrate(value) {
    if (!(value instanceof Ticket)) return undefined;
    return { tag: TICKET, content: [value.number, value.note] };
  },
  hydrate(tag, content) {
    if (tag === TICKET && Array.isArray(content) && content.length === 2) {
      const [number, note] = content as unknown[];
      if (typeof number === 'number') return new Ticket(number, note);
    }
    throw new BadBytes(`no ticket: tag ${tag}`);
  },
};

/** Stands for what any tag of a session means. */
export class Tagged {
  constructor(
    readonly tag: number,
    readonly content: unknown,
  ) {}
}

/** Tickets, and whatever else was recorded. */
export const recordedPort: ValuePort = {
  dehydrate: (value) => (value instanceof Tagged ? value : ticketPort.dehydrate(value)),
  hydrate: (tag, content) =>
    tag === TICKET ? ticketPort.hydrate(tag, content) : new Tagged(tag, content),
};

/** Lets nothing but data pass. */
export const plainPort: ValuePort = {
  dehydrate: () => undefined,
  hydrate(tag) {
    throw new BadBytes(`no special value is expected here, but tag ${tag} came`);
  },
};
