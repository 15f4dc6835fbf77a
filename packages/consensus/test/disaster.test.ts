import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type LogStore, MemoryStore, openDirectory, savedGroups } from '@troupe/consensus';
import { save } from '@troupe/consensus/store-conformance';
import { freshDirectory } from './places.ts';

type Entries = Parameters<typeof save>[1][string]['entries'];

function commands(from: number, to: number, term: number): NonNullable<Entries> {
  const data = new Uint8Array(1);
  return Array.from({ length: to - from + 1 }, (_, i) => {
    return { kind: 'command', index: from + i, term, data };
  });
}

const members = { voters: ['a'], outgoing: [], learners: [], promotable: [], witnesses: [] };

async function fill(store: LogStore): Promise<void> {
  const cutOff = { term: 9, votedFor: 'a', commit: 2 };
  await save(store, {
    longer: { hardState: cutOff, entries: commands(1, 20, 2) },
    later: {
      hardState: { ...cutOff, commit: 5 },
      entries: [...commands(1, 2, 2), ...commands(3, 5, 4)],
    },
    voted: { hardState: { ...cutOff, commit: 0 } },
    sent: {
      hardState: { ...cutOff, commit: 7 },
      snapshot: { id: 's', index: 7, term: 3, bytes: 0, configuration: members },
    },
  });
}

const expected = {
  longer: { lastEpoch: 2, last: 20, committed: 2 },
  later: { lastEpoch: 4, last: 5, committed: 5 },
  voted: { lastEpoch: 0, last: 0, committed: 0 },
  sent: { lastEpoch: 3, last: 7, committed: 7 },
};

test('what is saved of each group is told by the epoch of its last entry, not that of a vote', async (t) => {
  const store = new MemoryStore();
  await fill(store);

  const groups = await savedGroups(store);

  t.deepEqual(Object.fromEntries(groups), expected);
});

test('a directory tells it without the node that kept it', async (t) => {
  const directory = await freshDirectory(t);
  const before = await openDirectory(directory, { node: 'a' });
  await fill(before);
  await before.close();
  await using store = await openDirectory(directory, { node: 'a' });

  const groups = await savedGroups(store);

  t.deepEqual(Object.fromEntries(groups), expected);
});

test('a directory that is opened to recover from is not made', async (t) => {
  const directory = join(await freshDirectory(t), 'typo');

  const refused = await t.throwsAsync(openDirectory(directory, { node: 'a', create: false }));

  t.like(refused, { code: 'ERR_BAD_OPTION', executed: 'no', option: 'directory' });
  t.regex(refused.message, /typo': there is no such directory/);
  await t.throwsAsync(readdir(directory), { code: 'ENOENT' });
});

test('nor is a log begun where there is none, or in what is no directory', async (t) => {
  const directory = await freshDirectory(t);
  await mkdir(join(directory, 'empty'));
  await writeFile(join(directory, 'file'), 'of somebody');

  for (const [name, message] of [
    ['empty', /there is no log in it/],
    ['file', /there is no such directory/],
  ] as const) {
    const path = join(directory, name);
    const refused = openDirectory(path, { node: 'a', create: false });
    await t.throwsAsync(refused, { code: 'ERR_BAD_OPTION', message });
  }

  t.deepEqual(await readdir(join(directory, 'empty')), []); // Not even a lock.
});

test('a log that is there is opened to recover from', async (t) => {
  const directory = await freshDirectory(t);
  const before = await openDirectory(directory, { node: 'a' });
  await fill(before);
  await before.close();

  await using store = await openDirectory(directory, { node: 'a', create: false });

  t.deepEqual(Object.fromEntries(await savedGroups(store)), expected);
});
