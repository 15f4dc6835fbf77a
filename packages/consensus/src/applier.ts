import type { Apply, Entry, Snapshot } from '@troupe/raft';
import type { LogStore } from './log-store.ts';
import type { Snapshots } from './snapshots.ts';
import { type Command, refuseOtherCount, type StateMachine } from './state-machine.ts';

/** What a state machine is given, and who is told what comes of it. */
export interface ApplierParts<R> {
  readonly group: string;
  readonly store: LogStore;
  readonly machine: StateMachine<R>;
  readonly snapshots: Snapshots;
  /** Goes on with what `work` comes to; whatever goes wrong there is the group's end. */
  readonly later: <T>(work: Promise<T>, goOn: (value: T) => void) => void;
  /** `entry` is applied, and `result` what came of it, if it is a command. */
  readonly applied: (entry: Entry, result: R | undefined) => void;
  /** The state is that of `snapshot`, and so far it has got with it. */
  readonly restored: (snapshot: Snapshot) => void;
  /** So far the state machine has got, for now. */
  readonly reached: (index: number) => void;
  /** The group takes no more part. */
  readonly hasEnded: () => boolean;
}

/** Gives a state machine what its group has agreed on, one thing after the other. */
export class Applier<R> {
  readonly #parts: ApplierParts<R>;
  /** What the state machine is at, where that takes time. */
  #atWork: Promise<unknown> | undefined;

  constructor(parts: ApplierParts<R>) {
    this.#parts = parts;
  }

  /** Begins with `apply`. The next comes when this is told to be done. */
  apply(apply: Apply): void {
    if (apply.kind === 'snapshot') return this.#restore(apply.snapshot);
    if (apply.entries !== undefined) return this.#applyEntries(apply.entries, apply.to);
    this.#applyFromDisk(apply.from, apply.to);
  }

  /** Calls `run` when the state machine is not at work, so that its state is that of an index. */
  async whenIdle<T>(run: () => Promise<T>): Promise<T> {
    const { hasEnded } = this.#parts; // Then nobody goes on with what comes of the work.
    while (this.#atWork !== undefined && !hasEnded()) await this.#atWork.catch(() => {});
    return run();
  }

  #restore(snapshot: Snapshot): void {
    const { snapshots, machine, restored } = this.#parts;
    this.#wait(snapshots.restore(snapshot, machine), () => restored(snapshot));
  }

  /** A disk gives as much at a time as it likes to. */
  #applyFromDisk(from: number, to: number): void {
    const { group, store, later } = this.#parts;
    later(store.read(group, { from, to }), (entries) => {
      if (entries.length === 0) throw new Error(`entry ${from} is not on disk any more`);
      this.#applyEntries(entries, to);
    });
  }

  /** @param to where this work ends; what is missing up to there is read from the disk */
  #applyEntries(entries: readonly Entry[], to: number): void {
    const commands = entries.flatMap((entry): Command[] => {
      const { kind, index, term: epoch } = entry;
      return kind === 'command' ? [{ index, epoch, data: entry.data }] : [];
    });
    const answer = (results: readonly R[]): void => {
      refuseOtherCount(results, commands.length);
      this.#answer(entries, results, to);
    };
    const results = commands.length === 0 ? [] : this.#parts.machine.apply(commands);
    if (results instanceof Promise) this.#wait(results, answer);
    else answer(results);
  }

  #wait<T>(work: Promise<T>, goOn: (value: T) => void): void {
    this.#atWork = work;
    this.#parts.later(work, (value) => {
      this.#atWork = undefined;
      goOn(value);
    });
  }

  #answer(entries: readonly Entry[], results: readonly R[], to: number): void {
    const { applied, reached } = this.#parts;
    let at = 0;
    for (const entry of entries) {
      applied(entry, entry.kind === 'command' ? results[at++] : undefined);
    }
    const last = entries.at(-1)?.index ?? to;
    reached(last);
    if (last < to) this.#applyFromDisk(last + 1, to);
  }
}
