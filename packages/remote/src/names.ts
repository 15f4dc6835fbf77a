import { BadFrame } from './bad-frame.ts';
import { ENTITY, type EntityTarget, type FrameReader, METHOD } from './frames.ts';

/** Methods, and entities, that one side of a session gives numbers to; others are written out. */
const NAMES_MAX = 1_024;
/** How often a name is written out before it gets a number. */
const USES_MIN = 4;
/** Names whose uses are counted; beyond that all are counted anew. */
const COUNTED_MAX = 4_096;

/** The numbers that this side has given to what it often calls, in one session. */
export class NamesGiven {
  readonly #methods = new Numbering();
  readonly #entities = new Numbering();
  readonly #send: (frame: readonly unknown[]) => boolean;

  /** @param send whether the frame was taken, to arrive before whatever is sent after it */
  constructor(send: (frame: readonly unknown[]) => boolean) {
    this.#send = send;
  }

  /**
   * Puts numbers in the place of names in a frame that is about to be sent.
   * @param at where the target is, which the method follows
   * @param address of the target
   */
  abbreviate(frame: unknown[], at: number, address: string): void {
    const target = frame[at];
    const method = frame[at + 1];
    if (isEntity(target) && target[2] === 0) {
      const number = this.#entities.of(address) ?? this.#nameEntity(address, target);
      if (number !== undefined) frame[at] = -1 - number;
    }
    if (typeof method === 'string') {
      const number = this.#methods.of(method) ?? this.#nameMethod(method);
      if (number !== undefined) frame[at + 1] = number;
    }
  }

  /** The addresses of entities, and the methods, by the numbers that they have been given. */
  get given(): { readonly entities: readonly string[]; readonly methods: readonly string[] } {
    return { entities: this.#entities.names, methods: this.#methods.names };
  }

  #nameEntity(address: string, [kind, key]: EntityTarget): number | undefined {
    const tell = (number: number): boolean => this.#send([ENTITY, number, kind, key]);
    return this.#entities.next(address, tell);
  }

  #nameMethod(method: string): number | undefined {
    return this.#methods.next(method, (number) => this.#send([METHOD, number, method]));
  }
}

/** Numbers names in the order in which they turn out to be used often. A number is never reused. */
class Numbering {
  readonly #numbers = new Map<string, number>();
  readonly #uses = new Map<string, number>();

  /** By their numbers. */
  get names(): readonly string[] {
    return [...this.#numbers.keys()];
  }

  of(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /**
   * Counts one use of a name that has no number.
   * @param tell whether the other side will know its number before whatever is sent from now on
   * @returns the number that it has got, if any
   */
  next(name: string, tell: (number: number) => boolean): number | undefined {
    if (this.#numbers.size === NAMES_MAX) return undefined;
    const uses = (this.#uses.get(name) ?? 0) + 1;
    if (this.#uses.size === COUNTED_MAX) this.#uses.clear();
    this.#uses.set(name, uses);
    if (uses <= USES_MIN) return undefined;
    const number = this.#numbers.size;
    // Before it is told: whatever runs while it is sent may use the name, or name another.
    this.#numbers.set(name, number);
    if (!tell(number)) {
      this.#numbers.delete(name);
      return undefined;
    }
    this.#uses.delete(name);
    return number;
  }
}

/** The numbers that the other side has given. */
export class NamesTaken {
  readonly #methods: string[] = [];
  readonly #entities: EntityTarget[] = [];

  /** @throws {BadFrame} for a number that is not the next, or one too many */
  define(frame: FrameReader): void {
    const number = frame.number();
    const names = frame.type === METHOD ? this.#methods : this.#entities;
    if (number !== names.length || number >= NAMES_MAX) {
      throw new BadFrame(`name ${number} where there are ${names.length} of at most ${NAMES_MAX}`);
    }
    if (frame.type === METHOD) this.#methods.push(frame.text());
    else this.#entities.push([frame.text(64), frame.text(), 0]);
  }

  method(field: string | number): string {
    if (typeof field === 'string') return field;
    return this.#methods[field] ?? unknown(field);
  }

  /** @param field below zero, as numbers of actors are not */
  entity(field: number): EntityTarget {
    return this.#entities[-1 - field] ?? unknown(field);
  }
}

function isEntity(target: unknown): target is EntityTarget {
  return Array.isArray(target);
}

function unknown(field: number): never {
  throw new BadFrame(`there is no name with number ${field}`);
}
