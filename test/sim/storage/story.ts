import type { Entry, Snapshot } from '@troupe/raft';
import { type LogStore, MemoryStore } from '@troupe/consensus';
import { save } from '@troupe/consensus/store-conformance';

/** One thing that is asked of a store; durable once it resolves. */
export interface Step {
  readonly name: string;
  readonly run: (store: LogStore) => Promise<void>;
  /** It may be lost as long as nothing follows it. */
  readonly isOptional?: boolean;
}

/** Long enough for several entries to need several sectors. */
const PADDED = 150;

export const GROUPS: readonly string[] = ['g', 'h'];

const configuration = { voters: ['a'], outgoing: [], learners: [], promotable: [], witnesses: [] };

export function snapshotAt(index: number, term: number, bytes: number = 0): Snapshot {
  return { id: `s${index}`, index, term, bytes, configuration };
}

export function commands(from: number, to: number, term: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    kind: 'command',
    index: from + i,
    term,
    data: new TextEncoder().encode(`command ${from + i} of term ${term} `.padEnd(PADDED, '.')),
  }));
}

export function append(group: string, entries: readonly Entry[], commit?: number): Step {
  const [first] = entries;
  const term = first?.term ?? 0;
  const hardState = commit === undefined ? undefined : { term, votedFor: 'a', commit };
  return {
    name: `${entries.length} entries of ${group} from ${first?.index} on`,
    run: (store) => save(store, { [group]: { entries, hardState } }),
  };
}

function vote(group: string, term: number): Step {
  const hardState = { term, votedFor: 'b', commit: 0 };
  return { name: `a vote of ${group}`, run: (store) => save(store, { [group]: { hardState } }) };
}

function hint(group: string, commit: number): Step {
  const hardState = { term: 9, votedFor: 'a', commit };
  return {
    name: `commit ${commit} of ${group}`,
    isOptional: true,
    run: (store) => save(store, { [group]: { hardState, mustSync: false } }),
  };
}

function compact(group: string, index: number, term: number): Step {
  return {
    name: `${group} is compacted to ${index}`,
    run: (store) => store.compact(group, snapshotAt(index, term), index + 1),
  };
}

function install(group: string, index: number, term: number): Step {
  const snapshot = snapshotAt(index, term);
  return {
    name: `a snapshot of ${group} at ${index} is installed`,
    run: (store) => save(store, { [group]: { snapshot } }),
  };
}

/** Twenty steps that use every record, overwrite, and go through several segments. */
export const twentySteps: readonly Step[] = [
  vote('g', 1),
  append('g', commands(1, 3, 1), 0),
  append('h', commands(1, 1, 2)),
  append('g', commands(4, 9, 1), 3),
  append('g', commands(6, 7, 2), 3),
  hint('g', 7),
  append('h', commands(2, 5, 2), 1),
  compact('g', 5, 1),
  append('g', commands(8, 12, 3), 7),
  install('h', 20, 4),
  append('h', commands(21, 24, 5)),
  append('g', commands(13, 18, 3), 12),
  compact('g', 12, 3),
  append('g', commands(19, 19, 4)),
  compact('h', 22, 5),
  append('h', commands(25, 29, 5), 24),
  { name: 'h is forgotten', run: (store) => store.forget('h') },
  append('g', commands(20, 26, 4), 19),
  vote('h', 8),
  append('g', commands(24, 25, 5), 23),
];

/**
 * A group that has one entry and is never heard of again, beside one that is busy and compacted:
 * without help, that entry would keep all segments there are.
 */
export const idleSteps: readonly Step[] = [
  append('h', commands(1, 1, 2), 1),
  ...Array.from({ length: 10 }, (_, i) => [
    append('g', commands(4 * i + 1, 4 * i + 4, 3), 4 * i),
    compact('g', 4 * i + 3, 3),
  ]).flat(),
];

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** What a store holds, as text. */
export async function contentOf(store: LogStore): Promise<string> {
  const lines: string[] = [];
  for (const group of GROUPS) {
    const recovered = await store.recover(group);
    if (recovered === undefined) continue;
    const { hardState, snapshot, base, entries } = recovered;
    const { term, votedFor = 'nobody', commit } = hardState;
    lines.push(
      `${group}: term ${term} for ${votedFor}, commit ${commit}, ` +
        `snapshot ${snapshot?.id ?? 'none'}, base ${base.index}/${base.term}`,
      ...[...entries].map(
        (it) => `  ${it.index}/${it.term} ${it.kind === 'command' ? textOf(it.data) : it.kind}`,
      ),
    );
  }
  return lines.join('\n');
}

/** What is held after none of `steps`, after the first, and so on. */
export async function contentsOf(steps: readonly Step[]): Promise<readonly string[]> {
  const model = new MemoryStore();
  const contents = [await contentOf(model)];
  for (const step of steps) {
    await step.run(model);
    contents.push(await contentOf(model));
  }
  return contents;
}

/** Every content that may be there when `durable` steps were answered, and the next was begun. */
export function possible(
  contents: readonly string[],
  steps: readonly Step[],
  durable: number,
): readonly string[] {
  let from = durable;
  while (from > 0 && steps[from - 1]?.isOptional === true) from -= 1;
  return contents.slice(from, durable + 2);
}
