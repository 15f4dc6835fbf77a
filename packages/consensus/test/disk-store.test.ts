import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import type { Entry, Snapshot } from '@troupe/raft';
import {
  type DiskStore,
  type File,
  type Files,
  type LogOptions,
  nodeFiles,
  openStore,
  setAside,
} from '@troupe/consensus';
import { recordOf, save } from '@troupe/consensus/store-conformance';
import { finishFrame } from '../dist/log-frame.js';
import { freshDirectory, small } from './places.ts';

const configuration = { voters: ['a'], outgoing: [], learners: [], promotable: [], witnesses: [] };

function snapshotAt(index: number): Snapshot {
  return { id: `s${index}`, index, term: 1, bytes: 0, configuration };
}

function commands(from: number, to: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    kind: 'command',
    index: from + i,
    term: 1,
    data: new Uint8Array(64).fill(from + i),
  }));
}

async function open(files: Files, options: Partial<LogOptions> = {}): Promise<DiskStore> {
  const opened = await openStore(files, { ...small, ...options });
  if (opened.verdict === 'corrupt') throw new Error(opened.damage.reason);
  return opened.store;
}

/** Saves commands 1 … `count`, twenty a time. */
async function fill(store: DiskStore, count: number): Promise<void> {
  for (let from = 1; from <= count; from += 20) {
    await save(store, { g: { entries: commands(from, from + 19) } });
  }
}

async function firstAndLast(store: DiskStore): Promise<readonly [number, number]> {
  const indexes = [...((await store.recover('g'))?.entries ?? [])].map(({ index }) => index);
  return [indexes[0] ?? 0, indexes.at(-1) ?? 0];
}

interface Place {
  readonly directory: string;
  readonly files: Files;
}

async function place(t: ExecutionContext): Promise<Place> {
  const directory = await freshDirectory(t);
  return { directory, files: await nodeFiles(directory) };
}

/** Files that tell what is done to the segment in use, and can fail at it. */
class Watched {
  readonly done: string[] = [];
  isBroken = false;
  readonly files: Files;
  readonly #writesThrough: boolean;
  #first: string | undefined;

  constructor(files: Files, { writesThrough = false } = {}) {
    this.#writesThrough = writesThrough;
    this.files = {
      ...files,
      open: async (name, options) => {
        const file = await files.open(name, options);
        this.#first ??= name.startsWith('spare-') ? name : undefined;
        return name === this.#first ? this.#watch(file) : file;
      },
    };
  }

  #watch(file: File): File {
    return {
      ...file,
      writesThrough: this.#writesThrough,
      write: (offset, bytes) => {
        this.done.push('write');
        return file.write(offset, bytes);
      },
      sync: () => {
        this.done.push('sync');
        if (this.isBroken) throw Object.assign(new Error('EIO: it broke'), { code: 'EIO' });
        return file.sync();
      },
    };
  }
}

test('what comes while a write is under way is written together, with one sync', async (t) => {
  const disk = new Watched((await place(t)).files);
  const store = await open(disk.files, { segmentBytes: 65_536, sealAfterMs: 60_000 });
  await save(store, { g: { entries: commands(1, 1) } });
  disk.done.length = 0;

  await Promise.all(
    Array.from({ length: 64 }, (_, i) => save(store, { g: { entries: commands(i + 2, i + 2) } })),
  );

  t.true(disk.done.length <= 4, disk.done.join()); // The first alone, at most, and all others.
  await store.close();
});

test('where a write is durable by itself nothing is synced after it', async (t) => {
  const disk = new Watched((await place(t)).files, { writesThrough: true });
  const store = await open(disk.files, { segmentBytes: 65_536, sealAfterMs: 60_000 });
  await save(store, { g: { entries: commands(1, 1) } });
  disk.done.length = 0;

  await save(store, { g: { entries: commands(2, 2) } });

  t.deepEqual(disk.done, ['write']);
  await store.close();
});

test('a command of 64 bytes costs less than 1.25 times that on the disk, when 64 come together', async (t) => {
  const { files } = await place(t);
  const store = await open(files, { segmentBytes: 2 ** 20 });
  const before = store.size.writtenBytes;

  await save(store, {
    g: { entries: commands(1_000_000, 1_000_063).map((it, i) => ({ ...it, index: i + 1 })) },
  });

  const perCommand = (store.size.writtenBytes - before) / 64;
  t.true(perCommand < 1.25 * 64, `${perCommand} bytes`);
  await store.close();
});

test('segments that no entry is needed of are given back, and used again', async (t) => {
  const { files } = await place(t);
  const store = await open(files);
  await fill(store, 1_000);
  const { segments } = store.size;

  await store.compact('g', snapshotAt(1_000), 981);
  const kept = store.size.segments;
  const names = await files.list();
  for (let from = 1_001; from <= 2_000; from += 20) {
    await save(store, { g: { entries: commands(from, from + 19) } });
  }

  t.true(segments > 9 && kept <= 2, `${segments}, then ${kept}`);
  t.true(names.filter((name) => name.startsWith('spare-')).length <= 5, names.join());
  await store.close();
  const again = await open(files);
  t.deepEqual(await firstAndLast(again), [981, 2_000]);
  await again.close();
});

test('an idle group keeps its hard state although its segment is long gone', async (t) => {
  const { files } = await place(t);
  const store = await open(files);
  await save(store, { idle: { hardState: { term: 7, votedFor: 'b', commit: 0 } } });
  await fill(store, 1_000);
  await store.compact('g', snapshotAt(1_000), 1_001);
  await store.close();

  const again = await open(files);

  t.deepEqual((await again.recover('idle'))?.hardState, { term: 7, votedFor: 'b', commit: 0 });
  await again.close();
});

test('an idle group keeps no segments: its few entries are written anew', async (t) => {
  const { files } = await place(t);
  const store = await open(files);
  const entries = [...commands(1, 3), { ...commands(4, 4)[0]!, term: 2 }];
  await save(store, { idle: { entries } });
  let segments = 0;
  for (let from = 1; from <= 2_000; from += 20) {
    await save(store, { g: { entries: commands(from, from + 19) } });
    await store.compact('g', snapshotAt(from + 19), from + 10);
    segments = Math.max(segments, store.size.segments);
  }
  await store.close();

  const again = await open(files);
  const recovered = await again.recover('idle');

  t.true(segments <= 7, `${segments}`);
  t.deepEqual([...(recovered?.entries ?? [])], entries);
  t.deepEqual(await firstAndLast(again), [1_991, 2_000]);
  await again.close();
});

test('a group whose log is too long for that is told of', async (t) => {
  const { files } = await place(t);
  const pinned = new Set<string>();
  const store = await open(files, { onPinned: (group) => pinned.add(group) });

  await fill(store, 1_000);

  t.deepEqual(pinned, new Set(['g']));
  await store.close();
});

const salts: readonly (readonly [string, () => number])[] = [
  ['with salts', small.env.random],
  ['even where all salts are the same', () => 0.5],
];

for (const [how, random] of salts) {
  test(`nothing of an earlier use of a segment is ever read, ${how}`, async (t) => {
    const { directory, files } = await place(t);
    const options = { env: { ...small.env, random } };
    const store = await open(files, options);
    await fill(store, 1_000);
    await store.compact('g', snapshotAt(1_000), 1_001);
    for (let from = 1_001; from <= 1_300; from += 20) {
      await save(store, { g: { entries: commands(from, from + 19) } });
    }
    await store.close();
    const segments = (await files.list()).filter((name) => name.startsWith('log-'));
    const bytes = await Promise.all(segments.map((name) => readFile(join(directory, name))));
    const isRecycled = bytes
      .at(-1)
      ?.subarray(4_096)
      .some((byte) => byte > 0);

    const again = await open(files, options);

    t.true(isRecycled, 'the segment that is prepared holds what was in it before');
    t.deepEqual(await firstAndLast(again), [1_001, 1_300]);
    await again.close();
  });
}

test('bytes in a command are never taken for a frame', async (t) => {
  const forged = Buffer.alloc(64);
  finishFrame(forged, { sequence: 1_000, previous: 0 }, { salt: 0, flags: 0 });
  const data = Buffer.concat(Array.from({ length: 40 }, () => forged));
  for (let shift = 0; shift < 8; shift += 1) {
    const { directory, files } = await place(t);
    const store = await open(files, { sealAfterMs: 60_000 });
    await save(store, { g: { entries: commands(1, 1) } });
    const entry: Entry = { kind: 'command', index: 2, term: 1, data: data.subarray(shift) };
    await save(store, { g: { entries: [entry] } });
    const path = join(directory, 'log-00000001');
    const bytes = await readFile(path);
    await store.close();
    bytes.fill(0, 1_024, 1_536); // As if the last write had been cut off.
    await writeFile(path, bytes);

    const opened = await openStore(files, small);

    t.is(opened.verdict, 'cut');
    if (opened.verdict === 'cut') await opened.store.close();
  }
});

test('a segment that is missing is noticed, and what was promised is known all the same', async (t) => {
  for (const missing of [1, 2, 5]) {
    const { directory, files } = await place(t);
    const store = await open(files);
    await fill(store, 1_000);
    await store.close();
    await rm(join(directory, `log-0000000${missing}`));

    const opened = await openStore(files, small);

    t.like(opened, { verdict: 'salvaged', groups: ['g'] }, `segment ${missing}`);
    if (opened.verdict === 'salvaged') await opened.store.close();
  }
});

test('a damaged log is told from one that was cut off, and can be put aside', async (t) => {
  const { directory, files } = await place(t);
  const store = await open(files);
  await fill(store, 60);
  await store.close();
  const path = join(directory, 'log-00000001');
  const bytes = await readFile(path);
  bytes[1_000] = (bytes[1_000] ?? 0) ^ 4;
  await writeFile(path, bytes);

  const opened = await openStore(files, small);
  await setAside(files);
  const fresh = await open(files, { node: 'a2' });

  t.like(opened, { verdict: 'corrupt', damage: { file: 'log-00000001' } });
  t.is(await fresh.recover('g'), undefined);
  t.true((await files.list()).includes('damaged-log-00000001'));
  await fresh.close();
});

test('what was damaged while the log was in use is not given out', async (t) => {
  const { directory, files } = await place(t);
  const store = await open(files);
  await fill(store, 20);
  const path = join(directory, 'log-00000001');
  const bytes = await readFile(path);
  bytes[1_200] = (bytes[1_200] ?? 0) ^ 4;
  await writeFile(path, bytes);

  const error = await t.throwsAsync(store.read('g', { from: 1, to: 20 }));

  t.like(error, { code: 'ERR_STORE_FAILED', executed: 'unknown' });
  await t.throwsAsync(save(store, { g: { entries: commands(21, 21) } }), { is: error });
  await t.throwsAsync(store.close(), { is: error });
});

test('a sync that fails is not tried again, and fails all that waits and all that comes', async (t) => {
  const disk = new Watched((await place(t)).files);
  const store = await open(disk.files, { segmentBytes: 65_536 });
  await save(store, { g: { entries: commands(1, 1) } });
  disk.isBroken = true;
  disk.done.length = 0;

  const results = await Promise.allSettled([
    save(store, { g: { entries: commands(2, 2) } }),
    save(store, { g: { entries: commands(3, 3) } }),
  ]);

  t.deepEqual(
    results.map((it) => (it.status === 'rejected' ? (it.reason as { code: string }).code : it)),
    ['ERR_STORE_FAILED', 'ERR_STORE_FAILED'],
  );
  disk.isBroken = false;
  await t.throwsAsync(save(store, { g: { entries: commands(2, 2) } }), {
    message: /EIO: it broke/,
  });
  t.deepEqual(disk.done, ['write', 'sync']);
  await t.throwsAsync(store.close(), { code: 'ERR_STORE_FAILED' });
});

test('a disk of which its user may have no more is full, and has not failed', async (t) => {
  const { files } = await place(t);
  let isUsedUp = false;
  const limited: Files = {
    ...files,
    open: async (name, options) => {
      const file = await files.open(name, options);
      const write = async (offset: number, bytes: Uint8Array): Promise<void> => {
        if (isUsedUp && name.startsWith('filling-')) {
          throw Object.assign(new Error('EDQUOT: disk quota exceeded'), { code: 'EDQUOT' });
        }
        await file.write(offset, bytes);
      };
      return { ...file, write };
    },
  };
  let tell!: (isFull: boolean) => void;
  const told = new Promise<boolean>((resolve) => (tell = resolve));
  const store = await open(limited, { segmentBytes: 4_096, reserveBytes: 65_536, onFull: tell });
  await fill(store, 20);

  isUsedUp = true;
  const saving = fill(store, 400);
  const isFull = await told;
  isUsedUp = false;
  await saving;

  t.true(isFull);
  await store.close();
});

test('a record that need not be synced causes no write of its own', async (t) => {
  const disk = new Watched((await place(t)).files);
  const store = await open(disk.files, { segmentBytes: 65_536, sealAfterMs: 60_000 });
  await save(store, { g: { entries: commands(1, 1) } });
  disk.done.length = 0;

  const hardState = { term: 1, votedFor: undefined, commit: 1 };
  await new Promise<void>((resolve) => {
    const record = recordOf({ hardState, mustSync: false });
    store.append([{ group: 'g', record }], () => resolve());
  });

  t.deepEqual(disk.done, []);
  await store.close();
});

test('a store that closes begins nothing more with its snapshots, and closes each file once', async (t) => {
  const store = await open((await place(t)).files);
  const bytes = await store.writeSnapshot('g', 'one', [Buffer.from('a state')]);
  await store.readSnapshot('g', 'one', { offset: 0, bytes });

  const closing = store.close();
  const keeping = store.keepSnapshots('g', new Set());

  await t.throwsAsync(keeping, { code: 'ERR_STORE_CLOSED' });
  await t.notThrowsAsync(closing);
});

test('a store that closes seals its log behind what it writes anew, and not beneath it', async (t) => {
  const { files } = await place(t);
  const written: number[] = [];
  const openSeen: Files['open'] = async (name, options) => {
    const file = await files.open(name, options);
    const write: File['write'] = (offset, bytes) => {
      if (offset > 0) written.push(bytes.length);
      return file.write(offset, bytes);
    };
    return { ...file, write };
  };
  const store = await open({ ...files, open: openSeen });
  await save(store, { idle: { entries: commands(1, 3) } });
  for (let from = 1; store.size.segments <= 4; from += 20) {
    await save(store, { g: { entries: commands(from, from + 19) } });
  }

  await store.close();

  t.is(written.at(-1), 24); // Bytes of a seal.
});

const isLost = test.macro({
  title: (_, code: string, part: string) =>
    `a snapshot that cannot be read is not there, and the log is: ${code} of its ${part}`,
  async exec(t, code: string, part: string) {
    const { files } = await place(t);
    const failing: Files['open'] = async (name, options) => {
      if (!name.endsWith(`.${part}`)) return files.open(name, options);
      const error = Object.assign(new Error(`${code}: ${name}`), { code });
      if (code === 'ENOENT') throw error;
      return { ...(await files.open(name)), read: () => Promise.reject(error) };
    };
    const store = await open(files);
    await save(store, { g: { entries: commands(1, 3) } });
    await store.writeSnapshot('g', 'one', [Buffer.from('a state')]);
    await store.close();
    const again = await open({ ...files, open: failing });

    const read = await again.readSnapshot('g', 'one', { offset: 0, bytes: 7 });

    t.is(read, undefined);
    t.deepEqual(await firstAndLast(again), [1, 3]);
    await again.close();
  },
});

test(isLost, 'EIO', 'data');
test(isLost, 'EIO', 'sums');
test(isLost, 'ENOENT', 'data');
test(isLost, 'ENOENT', 'sums');

const isGivenUp = test.macro({
  title: (_, part: string) =>
    `what has come of a snapshot is given up where its ${part} cannot be read, and comes anew`,
  async exec(t, part: string) {
    const { files } = await place(t);
    const snapshot = { ...snapshotAt(9), bytes: 100_000 };
    const data = new Uint8Array(70_000).fill(1);
    const env = virtualEnv();
    const failing: Files['open'] = async (name, options) => {
      const file = await files.open(name, options);
      if (!name.endsWith(`.${part}`) || options?.create === true) return file;
      const error = Object.assign(new Error(`EIO: ${name}`), { code: 'EIO' });
      return { ...file, read: () => Promise.reject(error) };
    };
    const store = await open(files);
    await save(store, { g: { entries: commands(1, 3) } });
    await store.storeChunk('g', { snapshot, offset: 0, data });
    await store.close();
    const again = await open({ ...files, open: failing }, { env });

    const recovered = await again.recover('g');

    t.is(recovered?.incoming, undefined);
    t.deepEqual(await firstAndLast(again), [1, 3]);
    t.deepEqual(
      (await files.list()).filter((name) => name.startsWith('snapshot-')),
      [],
    );
    t.like(env.logged, [{ level: 'error', fields: { group: 'g' } }]);
    await again.storeChunk('g', { snapshot, offset: 0, data });
    t.is((await again.recover('g'))?.incoming?.offset, 70_000);
    await again.close();
  },
});

test(isGivenUp, 'part');
test(isGivenUp, 'sums');

test('a closed store says so', async (t) => {
  const store = await open((await place(t)).files);
  await store.close();

  await t.throwsAsync(save(store, { g: { entries: commands(1, 1) } }), {
    code: 'ERR_STORE_CLOSED',
  });
  await t.throwsAsync(store.read('g', { from: 1, to: 1 }), { code: 'ERR_STORE_CLOSED' });
});

test('a piece of a snapshot that comes while a store is closing touches no file of its', async (t) => {
  const late: string[] = [];
  const real = await nodeFiles(await freshDirectory(t));
  const files: Files = {
    ...real,
    async open(path, options) {
      const file = await real.open(path, options);
      let isClosed = false;
      const watched = <A extends unknown[], R>(run: (...args: A) => R): ((...args: A) => R) => {
        return (...args) => {
          if (isClosed) late.push(path); // Its number may be that of another file by now.
          return run(...args);
        };
      };
      return {
        ...file,
        write: watched(file.write),
        sync: watched(file.sync),
        close: watched(() => {
          isClosed = true;
          return file.close();
        }),
      };
    },
  };
  const store = await open(files);
  const snapshot = { ...snapshotAt(9), bytes: 200_000 };
  const piece = (offset: number): Promise<void> =>
    store.storeChunk('g', { snapshot, offset, data: new Uint8Array(100_000) });
  const first = piece(0);

  const closing = store.close();
  const second = t.throwsAsync(first.then(() => piece(100_000)));
  await closing;

  t.like(await second, { code: 'ERR_STORE_CLOSED', executed: 'no' });
  t.deepEqual(late, []);
});
