import assert from 'node:assert/strict';
import type {
  AppendRecord,
  ChunkStore,
  Configuration,
  Entry,
  HardState,
  Snapshot,
} from '@troupe/raft';
import type { LogStore } from './log-store.ts';

/** A place where a store keeps what it saves. */
export interface StoreUnderTest {
  /** What is there, as after the end of a process; the one before has been closed. */
  open(): Promise<LogStore>;
}

export interface StoreCase {
  /** A claim that holds for every store. */
  readonly name: string;
  /** @throws {AssertionError} when it does not hold */
  run(make: () => Promise<StoreUnderTest>): Promise<void>;
}

const nobody: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  promotable: [],
  witnesses: [],
};
const three: Configuration = { ...nobody, voters: ['a', 'b', 'ç'], learners: ['d'] };

function command(index: number, term: number, text: string = `command ${index}`): Entry {
  return { kind: 'command', index, term, data: new TextEncoder().encode(text) };
}

function commands(from: number, to: number, term: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => command(from + i, term));
}

function hardState(term: number, commit: number, votedFor?: string): HardState {
  return { term, votedFor, commit };
}

function snapshotAt(index: number, term: number, bytes: number = 0): Snapshot {
  return { id: `at ${index}`, index, term, bytes, configuration: three };
}

/** A record as the core makes it; what is not given is not in it. */
export function recordOf(parts: Partial<AppendRecord>): AppendRecord {
  const { hardState, snapshot, entries = [], mustSync = true } = parts;
  return { token: 1, hardState, snapshot, entries, mustSync, messages: [] };
}

/** Resolves when the records are durable. */
export function save(
  store: LogStore,
  records: Readonly<Record<string, Partial<AppendRecord>>>,
): Promise<void> {
  const list = Object.entries(records).map(([group, parts]) => ({
    group,
    record: recordOf(parts),
  }));
  return new Promise((resolve, reject) => {
    store.append(list, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

async function entriesOf(store: LogStore, group: string): Promise<readonly Entry[]> {
  const recovered = await store.recover(group);
  return [...(recovered?.entries ?? [])];
}

/** Runs `before`, ends the process, and runs `after` on what is left. */
async function acrossRestart(
  make: () => Promise<StoreUnderTest>,
  before: (store: LogStore) => Promise<void>,
  after: (store: LogStore) => Promise<void>,
): Promise<void> {
  const place = await make();
  const first = await place.open();
  await before(first);
  await first.close();
  const second = await place.open();
  try {
    await after(second);
  } finally {
    await second.close();
  }
}

/** Runs `act` on an empty store. */
async function onStore(
  make: () => Promise<StoreUnderTest>,
  act: (store: LogStore) => Promise<void>,
): Promise<void> {
  const store = await (await make()).open();
  try {
    await act(store);
  } finally {
    await store.close();
  }
}

const logs: readonly StoreCase[] = [
  {
    name: 'a group that has saved nothing finds nothing',
    run: (make) =>
      onStore(make, async (store) => {
        assert.equal(await store.recover('g'), undefined);
        assert.deepEqual(await store.read('g', { from: 1, to: 9 }), []);
      }),
  },
  {
    name: 'entries of every kind, and the hard state, are found after a restart',
    async run(make) {
      const entries: readonly Entry[] = [
        { kind: 'configuration', index: 1, term: 0, configuration: three },
        { kind: 'noop', index: 2, term: 1 },
        command(3, 1, ''),
        command(4, 2, 'ä'),
        { kind: 'withheld', index: 5, term: 2 },
        command(6, 2 ** 50, 'x'.repeat(300)),
      ];
      await acrossRestart(
        make,
        (store) => save(store, { g: { entries, hardState: hardState(2 ** 50, 4, 'ä') } }),
        async (store) => {
          const recovered = await store.recover('g');
          assert.deepEqual(recovered?.hardState, hardState(2 ** 50, 4, 'ä'));
          assert.deepEqual(recovered.base, { index: 0, term: 0 });
          assert.equal(recovered.snapshot, undefined);
          assert.deepEqual([...recovered.entries], entries);
        },
      );
    },
  },
  {
    name: 'entries replace what is there from the first of them on',
    run: (make) =>
      acrossRestart(
        make,
        async (store) => {
          await save(store, { g: { entries: commands(1, 9, 1) } });
          await save(store, { g: { entries: commands(4, 5, 2) } });
          await save(store, { g: { entries: commands(6, 6, 3) } });
        },
        async (store) => {
          const expected = [...commands(1, 3, 1), ...commands(4, 5, 2), ...commands(6, 6, 3)];
          assert.deepEqual(await entriesOf(store, 'g'), expected);
          assert.deepEqual(await store.read('g', { from: 3, to: 9 }), expected.slice(2));
        },
      ),
  },
  {
    name: 'a snapshot in a record stands in place of the whole log, and entries follow it',
    run: (make) =>
      acrossRestart(
        make,
        async (store) => {
          await save(store, { g: { entries: commands(1, 3, 1), hardState: hardState(1, 0, 'a') } });
          await save(store, { g: { snapshot: snapshotAt(7, 4), entries: commands(8, 9, 5) } });
        },
        async (store) => {
          const recovered = await store.recover('g');
          assert.deepEqual(recovered?.hardState, hardState(1, 0, 'a'));
          assert.deepEqual(recovered.snapshot, snapshotAt(7, 4));
          assert.deepEqual(recovered.base, { index: 7, term: 4 });
          assert.deepEqual([...recovered.entries], commands(8, 9, 5));
        },
      ),
  },
  {
    name: 'compaction forgets what is before an index, and keeps what that was',
    run: (make) =>
      acrossRestart(
        make,
        async (store) => {
          await save(store, { g: { entries: [...commands(1, 4, 1), ...commands(5, 9, 3)] } });
          await store.compact('g', snapshotAt(6, 3), 5);
          assert.deepEqual(await store.read('g', { from: 4, to: 9 }), []);
          await save(store, { g: { entries: commands(10, 10, 3) } });
        },
        async (store) => {
          const recovered = await store.recover('g');
          assert.deepEqual(recovered?.base, { index: 4, term: 1 });
          assert.deepEqual(recovered.snapshot, snapshotAt(6, 3));
          assert.deepEqual([...recovered.entries], commands(5, 10, 3));
        },
      ),
  },
  {
    name: 'a log that is compacted to its end goes on from there',
    run: (make) =>
      acrossRestart(
        make,
        async (store) => {
          await save(store, { g: { entries: commands(1, 4, 2) } });
          await store.compact('g', snapshotAt(4, 2), 5);
          await save(store, { g: { entries: commands(5, 6, 2) } });
          await store.compact('g', snapshotAt(5, 2), 2); // Nothing more to forget.
        },
        async (store) => {
          const recovered = await store.recover('g');
          assert.deepEqual(recovered?.base, { index: 4, term: 2 });
          assert.deepEqual([...recovered.entries], commands(5, 6, 2));
        },
      ),
  },
  {
    name: 'groups share a store, and know nothing of each other',
    run: (make) =>
      acrossRestart(
        make,
        async (store) => {
          await save(store, {
            g: { entries: commands(1, 2, 1), hardState: hardState(1, 0, 'a') },
            'h/ü.': { entries: commands(1, 5, 7), hardState: hardState(7, 3) },
          });
          await save(store, { g: { entries: commands(3, 3, 1) } });
          assert.deepEqual([...(await store.groups())].sort(), ['g', 'h/ü.']);
          await store.forget('h/ü.');
          assert.deepEqual(await store.groups(), ['g']);
          await save(store, { 'h/ü.': { hardState: hardState(9, 0, 'b') } });
        },
        async (store) => {
          assert.deepEqual([...(await store.groups())].sort(), ['g', 'h/ü.']);
          assert.deepEqual(await entriesOf(store, 'g'), commands(1, 3, 1));
          assert.deepEqual((await store.recover('h/ü.'))?.hardState, hardState(9, 0, 'b'));
          assert.deepEqual(await entriesOf(store, 'h/ü.'), []);
        },
      ),
  },
  {
    name: 'records are answered after the call that brings them, in order, urgent or not',
    run: (make) =>
      acrossRestart(
        make,
        async (store) => {
          const told: number[] = [];
          const all = Array.from({ length: 40 }, (_, i) =>
            i % 3 === 0
              ? recordOf({ hardState: hardState(1, i), mustSync: false })
              : recordOf({ entries: [command(i - Math.floor(i / 3), 1)] }),
          );
          await new Promise<void>((resolve, reject) => {
            for (const [i, record] of all.entries()) {
              store.append([{ group: 'g', record }], (error) => {
                if (error !== undefined) reject(error);
                told.push(i);
                if (told.length === all.length) resolve();
              });
              assert.deepEqual(told, []);
            }
          });
          assert.deepEqual(told, [...all.keys()]);
        },
        async (store) => {
          const recovered = await store.recover('g');
          assert.deepEqual(recovered?.hardState, hardState(1, 39));
          assert.equal([...recovered.entries].length, 26);
        },
      ),
  },
  {
    name: 'a read gives at least one entry, and then no more bytes than asked for',
    run: (make) =>
      onStore(make, async (store) => {
        const entries = Array.from({ length: 8 }, (_, i) => command(i + 1, 1, 'x'.repeat(100)));
        await save(store, { g: { entries } });
        assert.deepEqual(await store.read('g', { from: 2, to: 7, bytesMax: 1 }), [entries[1]]);
        const some = await store.read('g', { from: 2, to: 7, bytesMax: 350 });
        assert.ok(some.length >= 1 && some.length <= 3, `${some.length} entries`);
        assert.deepEqual(some, entries.slice(1, 1 + some.length));
        assert.deepEqual(await store.read('g', { from: 2, to: 99 }), entries.slice(1));
        assert.deepEqual(await store.read('g', { from: 9, to: 99 }), []);
      }),
  },
  {
    name: 'a record of a megabyte is saved like any other',
    run: (make) =>
      acrossRestart(
        make,
        (store) => save(store, { g: { entries: [command(1, 1, 'y'.repeat(2 ** 20))] } }),
        async (store) => {
          await save(store, { g: { entries: [command(2, 1)] } });
          assert.equal((await entriesOf(store, 'g')).length, 2);
          const [large] = await store.read('g', { from: 1, to: 1, bytesMax: 10 });
          assert.equal(large?.kind === 'command' ? large.data.length : 0, 2 ** 20);
        },
      ),
  },
];

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
}

const snapshots: readonly StoreCase[] = [
  {
    name: 'a snapshot is read in pieces, by its id, until it is not kept any more',
    async run(make) {
      const content = pattern(150_000);
      await acrossRestart(
        make,
        async (store) => {
          const chunks = [content.subarray(0, 1), content.subarray(1, 99_999)];
          const bytes = await store.writeSnapshot('g', 's/1', [
            ...chunks,
            content.subarray(99_999),
          ]);
          assert.equal(bytes, content.length);
          assert.equal(await store.writeSnapshot('g', 's/2', []), 0);
        },
        async (store) => {
          const read = (
            id: string,
            offset: number,
            bytes: number,
          ): Promise<Uint8Array | undefined> => store.readSnapshot('g', id, { offset, bytes });
          assert.deepEqual(plain(await read('s/1', 0, 10)), content.slice(0, 10));
          assert.deepEqual(
            plain(await read('s/1', 65_000, 70_000)),
            content.slice(65_000, 135_000),
          );
          assert.deepEqual(plain(await read('s/1', 149_990, 100)), content.slice(149_990));
          assert.equal(await store.readSnapshot('h', 's/1', { offset: 0, bytes: 1 }), undefined);
          await store.keepSnapshots('g', new Set(['s/2']));
          assert.equal(await read('s/1', 0, 10), undefined);
          assert.deepEqual(plain(await read('s/2', 0, 10)), new Uint8Array());
        },
      );
    },
  },
  {
    name: 'a snapshot that comes in pieces goes on after a restart, and is complete with the last',
    async run(make) {
      const content = pattern(200_000);
      const snapshot = snapshotAt(9, 2, content.length);
      const piece = (from: number, to: number): ChunkStore => ({
        snapshot,
        offset: from,
        data: content.subarray(from, to),
      });
      let offset = 0;
      await acrossRestart(
        make,
        async (store) => {
          await save(store, { g: { hardState: hardState(2, 0) } });
          await store.storeChunk('g', {
            snapshot: snapshotAt(5, 1, 9),
            offset: 0,
            data: pattern(4),
          });
          await store.storeChunk('g', piece(0, 100_000));
          await store.storeChunk('g', piece(100_000, 160_000));
        },
        async (store) => {
          const { incoming } = (await store.recover('g')) ?? {};
          assert.deepEqual(incoming?.snapshot, snapshot);
          offset = incoming.offset;
          assert.ok(offset > 90_000 && offset <= 160_000, `${offset} bytes are left`);
          await store.storeChunk('g', piece(offset, 190_000));
          await store.storeChunk('g', piece(190_000, 200_000));
          const whole = await store.readSnapshot('g', snapshot.id, { offset: 0, bytes: 200_000 });
          assert.deepEqual(plain(whole), content);
        },
      );
    },
  },
  {
    name: 'a snapshot that has come, and is not kept, is not found by a restart',
    async run(make) {
      const snapshot = snapshotAt(9, 2, 100);
      await acrossRestart(
        make,
        async (store) => {
          await save(store, { g: { hardState: hardState(2, 0) } });
          await store.storeChunk('g', { snapshot, offset: 0, data: pattern(100) });
          await store.keepSnapshots('g', new Set());
        },
        async (store) => assert.equal((await store.recover('g'))?.incoming, undefined),
      );
    },
  },
  {
    name: 'a snapshot that is on its way is not touched by one that a record brings',
    async run(make) {
      const content = pattern(100_000);
      const snapshot = snapshotAt(9, 2, content.length);
      await onStore(make, async (store) => {
        const [first, second] = [content.subarray(0, 60_000), content.subarray(60_000)];
        await store.storeChunk('g', { snapshot, offset: 0, data: first });
        await save(store, { g: { snapshot: snapshotAt(5, 1) } });
        await store.storeChunk('g', { snapshot, offset: first.length, data: second });
        const read = await store.readSnapshot('g', snapshot.id, { offset: 0, bytes: 100_000 });
        assert.deepEqual(plain(read), content);
      });
    },
  },
  {
    name: 'a snapshot that comes once more takes the place of what was read of it before',
    async run(make) {
      const snapshot = snapshotAt(9, 2, 100_000);
      const [spoiled, content] = [new Uint8Array(100_000), pattern(100_000)];
      await onStore(make, async (store) => {
        await store.storeChunk('g', { snapshot, offset: 0, data: spoiled });
        await store.readSnapshot('g', snapshot.id, { offset: 0, bytes: 100_000 });
        for (let offset = 0; offset < content.length; offset += 50_000) {
          const data = content.subarray(offset, offset + 50_000);
          await store.storeChunk('g', { snapshot, offset, data });
        }
        const read = await store.readSnapshot('g', snapshot.id, { offset: 0, bytes: 100_000 });
        assert.deepEqual(plain(read), content);
      });
    },
  },
];

/** Without what a subclass adds, so that bytes are compared and nothing else. */
function plain(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : new Uint8Array(bytes);
}

/** What every `LogStore` must do. Run each with a new, empty place. */
export const storeCases: readonly StoreCase[] = [...logs, ...snapshots];
