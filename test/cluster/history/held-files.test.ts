import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type Files, nodeFiles } from '@troupe/consensus';
import { heldFiles } from './held-files.ts';

async function inFolder(run: (files: Files) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-held-'));
  try {
    await run(await nodeFiles(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function textIn(files: Files): Promise<string> {
  const file = await files.open('a');
  try {
    return Buffer.from(await file.read(0, await file.size())).toString();
  } finally {
    await file.close();
  }
}

test('what was written is read, and in the file only when it was synced', async (t) => {
  await inFolder(async (files) => {
    const file = await heldFiles(files).open('a', { create: true });
    const bytes = Buffer.from('hello');
    await file.write(0, bytes);
    bytes.fill('-'); // They are the writer's again.
    await file.write(3, Buffer.from('p me'));

    const seen = Buffer.from(await file.read(1, 99)).toString();
    const before = await textIn(files);
    await file.sync();
    const after = await textIn(files);
    await file.close();

    t.is(seen, 'elp me');
    t.is(before, '');
    t.is(after, 'help me');
  });
});

test('on a disk that lies, what was synced is not in the file yet', async (t) => {
  await inFolder(async (files) => {
    const file = await heldFiles(files, { lateMs: 1 << 30 }).open('a', { create: true });
    await file.write(0, Buffer.from('hello'));

    await file.sync();

    t.is(await textIn(files), '');
    t.is(await file.size(), 5);
    await file.close();
  });
});
