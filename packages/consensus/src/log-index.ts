import type { HardState, Position, Snapshot } from '@troupe/raft';

/** From `from` on, entries are of `term`, until another run begins. */
export interface TermRun {
  readonly from: number;
  readonly term: number;
}

/** Entries that follow each other. */
export interface EntryRun {
  readonly first: number;
  /** Where each of them begins. */
  readonly offsets: readonly number[];
  readonly runs: readonly TermRun[];
}

/** What a checkpoint says of a group. */
export interface GroupState {
  readonly hardState: HardState | undefined;
  readonly snapshot: Snapshot | undefined;
  readonly base: Position;
  readonly last: Position;
  readonly isDamaged: boolean;
}

const NOWHERE: Position = { index: 0, term: 0 };
const PLACES_MIN = 64;

/** What is durable of one group, and where in the log its entries are: eight bytes for each. */
export class GroupIndex {
  hardState: HardState | undefined;
  snapshot: Snapshot | undefined;
  /** Entries of it were lost, and its peers have not made that good yet. */
  isDamaged = false;
  #base = NOWHERE;
  #places = new Float64Array(PLACES_MIN);
  #first = 0;
  #count = 0;
  #runs: TermRun[] = [];
  /** Entries up to here are known to have been, and not where: those before the oldest segment. */
  #missingTo = 0;

  constructor(
    readonly name: string,
    readonly number: number,
  ) {}

  get base(): Position {
    return this.#base;
  }

  get last(): Position {
    const index = this.#base.index + this.#count;
    return { index, term: this.#runs.at(-1)?.term ?? this.#base.term };
  }

  get state(): GroupState {
    const { hardState, snapshot, base, last, isDamaged } = this;
    return { hardState, snapshot, base, last, isDamaged };
  }

  /** Where the oldest entry is; `undefined` when there is none. */
  get oldestPlace(): number | undefined {
    return this.#count === 0 ? undefined : this.#places[this.#first];
  }

  /** The first entry that should be here, and of which no segment tells where. */
  get missing(): number | undefined {
    return this.#missingTo > this.#base.index ? this.#base.index + 1 : undefined;
  }

  /** Where the entries `from` … `to` are, all of which must be there: a copy. */
  places(from: number, to: number): Float64Array {
    const at = this.#first - this.#base.index - 1;
    return this.#places.slice(at + from, at + to + 1);
  }

  /** The terms of the same: a copy. */
  terms(from: number, to: number): number[] {
    let at = this.#runs.findLastIndex((run) => run.from <= from);
    return Array.from({ length: to - from + 1 }, (_, i) => {
      while ((this.#runs[at + 1]?.from ?? Infinity) <= from + i) at += 1;
      return this.#runs[at]?.term ?? this.#base.term;
    });
  }

  /** @returns `undefined` for what is not, or no longer, in the log */
  termOf(index: number): number | undefined {
    if (index === this.#base.index) return this.#base.term;
    if (index < this.#base.index || index > this.last.index) return undefined;
    return this.#runs.findLast(({ from }) => from <= index)?.term ?? this.#base.term;
  }

  /** Begins with what a checkpoint says; its entries have to come. */
  restore({ hardState, snapshot, base, last, isDamaged }: GroupState): void {
    this.isDamaged = isDamaged;
    this.hardState = hardState;
    this.snapshot = snapshot;
    this.#base = base;
    this.#first = 0;
    this.#count = last.index - base.index;
    this.#places = new Float64Array(Math.max(PLACES_MIN, this.#count));
    this.#runs = this.#count === 0 ? [] : [{ from: base.index + 1, term: last.term }];
    this.#missingTo = this.#count === 0 ? 0 : last.index;
  }

  /** A snapshot stands in place of the whole log. */
  install(snapshot: Snapshot): void {
    const { index, term } = snapshot;
    const base = { index, term };
    this.restore({ ...this.state, snapshot, base, last: base });
  }

  /** Its entries are lost: nothing is left but what the snapshot stands for, and the votes. */
  lose(): void {
    const { index, term } = this.snapshot ?? NOWHERE;
    const base = { index, term };
    this.restore({ ...this.state, base, last: base, isDamaged: true });
  }

  /**
   * Entries in place of whatever is there, from the first of them on.
   * @param origin the place that their offsets are counted from
   * @returns false when something is missing before them
   */
  append({ first, offsets, runs }: EntryRun, origin: number): boolean {
    if (first > this.last.index + 1 || first <= this.#base.index) return false;
    this.#count = first - this.#base.index - 1;
    this.#missingTo = Math.min(this.#missingTo, first - 1);
    while ((this.#runs.at(-1)?.from ?? 0) >= first) this.#runs.pop();
    for (const run of runs) {
      if (run.term !== (this.#runs.at(-1)?.term ?? this.#base.term)) this.#runs.push(run);
    }
    this.#room(offsets.length);
    for (const offset of offsets) this.#places[this.#first + this.#count++] = origin + offset;
    return true;
  }

  /** `snapshot` stands for what is at or before `base`, or for more. */
  compact(snapshot: Snapshot, base: Position): void {
    this.snapshot = snapshot;
    const dropped = base.index - this.#base.index;
    if (dropped <= 0) return;
    this.#first += Math.min(dropped, this.#count);
    this.#count = Math.max(0, this.#count - dropped);
    this.#base = base;
    const at = this.#runs.findLastIndex(({ from }) => from <= base.index + 1);
    if (this.#count === 0) this.#runs = [];
    else if (at > 0) this.#runs.splice(0, at);
  }

  #room(count: number): void {
    const needed = this.#count + count;
    if (this.#first + needed <= this.#places.length) return;
    const held = this.#places.subarray(this.#first, this.#first + this.#count);
    const places = new Float64Array(Math.max(PLACES_MIN, 2 * needed));
    places.set(held);
    this.#places = places;
    this.#first = 0;
  }
}
