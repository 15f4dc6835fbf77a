import type { ErrorClass } from '@troupe/remote';

/** The entry of the log that is being applied: the only time, and the only chance, of a machine. */
export interface LogEntry {
  /** Its place in the log: grows with every entry, so it does as an id that was never used. */
  readonly index: number;
  /** Of the leader that put it there: grows with every change of leader. 0 for a query. */
  readonly epoch: number;
  /**
   * Milliseconds since 1970 by the clock of the node that proposed it, or the time of an entry
   * before, where that is later: it is the same on every node, and never goes back.
   */
  readonly time: number;
  /** A number in [0, 1), of a sequence that is the same on every node; not for secrets. */
  random(): number;
}

/** What is before the first entry, and between entries: there is nothing to be random about. */
export function between(index: number, time: number): LogEntry {
  return {
    index,
    epoch: 0,
    time,
    random() {
      throw new Error('only a command has randomness: a query must not depend on chance');
    },
  };
}

/**
 * What a group replicates, as a class: its `@command` methods change its fields, its `@query`
 * methods look at them, and every node of the group has an instance that comes to the same state.
 *
 * So commands know nothing but their arguments, the fields, and `this.entry`: no `Date.now()`, no
 * `Math.random()`, nothing from outside, and no `await`. What a command throws is its result, and
 * what it changed before stays changed: look first, then change.
 */
export abstract class Machine {
  /**
   * Counts the forms of the state and the sets of commands of this class, from 1 on. A node that
   * meets a snapshot of a later version, or a command that it does not know, takes no more part
   * (`MachineOutdated`), until it is started with a class that does; commands that say `since` are
   * refused before it comes to that. Raise it with each command that is added, and
   * where `load` has to tell an earlier form from the present one.
   */
  static readonly version: number = 1;
  /** Classes of errors that commands throw and callers get as themselves. Default: none. */
  static readonly errors: readonly ErrorClass[] = [];

  #entry: LogEntry = between(0, 0);

  /** What is being applied; to a query, what was applied last. */
  protected get entry(): LogEntry {
    return this.#entry;
  }

  /**
   * The whole state as plain data, for a snapshot: by default the fields of the instance. Fields
   * that are `#private` are not seen: a class that has some overrides both this and `load`.
   */
  protected save(): unknown {
    return Object.fromEntries(Object.entries(this));
  }

  /**
   * Puts what `save` gave in place of the state of this fresh instance. By default fields that
   * `state` has not, since they came with a later version, stay as they are initialised.
   * @param _version of the class that saved it: the present one or an earlier
   */
  protected load(state: unknown, _version: number): void {
    Object.assign(this, state);
  }

  // For what drives the machine; names that no class needs for itself.
  '~troupe/enter'(entry: LogEntry): void {
    this.#entry = entry;
  }

  '~troupe/save'(): unknown {
    return this.save();
  }

  '~troupe/load'(state: unknown, version: number): void {
    this.load(state, version);
  }
}

/** A class of machines, as each node makes its own of it. */
export interface MachineClass<M extends Machine = Machine> {
  new (): M;
  readonly version: number;
  readonly errors: readonly ErrorClass[];
}
