import { readEntries } from './log-reader.ts';
import type { GroupIndex } from './log-index.ts';
import { type Segment, segmentOf } from './log-segment.ts';
import type { GroupRecord } from './log-store.ts';

/** Read at a time, while nothing else is written. */
const ENTRIES_MAX = 16_384;

/** What keeps the oldest segment from being used again. */
export interface Pinned {
  /** All entries of groups that have few of them, to be written anew. */
  readonly records: readonly GroupRecord[];
  /** Groups that have more, which only a snapshot helps against. */
  readonly long: readonly string[];
}

/**
 * Groups in which nothing happens make no snapshots, and keep a whole segment each by the few
 * entries that they have in it.
 * @param bytesMax of all entries of one group, and of all that are written anew together
 */
export async function pinnedBy(
  groups: Iterable<GroupIndex>,
  segments: readonly Segment[],
  bytesMax: number,
): Promise<Pinned> {
  const records: GroupRecord[] = [];
  const long: string[] = [];
  let left = bytesMax;
  for (const group of groups) {
    const { name, base, last, oldestPlace } = group;
    if (oldestPlace === undefined || segmentOf(oldestPlace) !== segments[0]?.number) continue;
    const count = last.index - base.index;
    const range = { from: base.index + 1, to: last.index, bytesMax };
    const entries = count > ENTRIES_MAX ? [] : await readEntries(group, segments, range);
    if (entries.length < count) long.push(name);
    else if (left > 0) {
      for (const entry of entries) left -= entry.kind === 'command' ? entry.data.length : 0;
      const nothing = { token: 0, hardState: undefined, snapshot: undefined, messages: [] };
      records.push({ group: name, record: { ...nothing, entries, mustSync: true } });
    }
  }
  return { records, long };
}
