import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { Entry, Snapshot } from '@troupe/raft';
import { nodeFiles, openStore } from '@troupe/consensus';
import { save } from '@troupe/consensus/store-conformance';
import { checksum } from '../dist/checksum.js';
import { finishFrame, laterFrame } from '../dist/log-frame.js';
import { freshDirectory, small } from './places.ts';

const fixture = join(import.meta.dirname, '../test/fixtures/log-format-1.hex');
const configuration = {
  voters: ['a', 'b'],
  outgoing: ['c'],
  learners: ['d'],
  promotable: ['d'],
  witnesses: ['b'],
};
const snapshot: Snapshot = { id: 's', index: 300, term: 2, bytes: 5, configuration };
const entries: readonly Entry[] = [
  { kind: 'configuration', index: 301, term: 2, configuration },
  { kind: 'noop', index: 302, term: 70_000 },
  { kind: 'command', index: 303, term: 70_000, data: new TextEncoder().encode('hello') },
  { kind: 'withheld', index: 304, term: 70_000 },
];

/** A log of one segment of 2,048 bytes, with every kind of record. */
async function writeLog(directory: string): Promise<void> {
  const env = { ...small.env, random: () => 0.5 };
  const options = { ...small, env, segmentBytes: 2_048 };
  const opened = await openStore(await nodeFiles(directory), options);
  if (opened.verdict !== 'clean') throw new Error(opened.verdict);
  const { store } = opened;
  await save(store, { g: { snapshot, hardState: { term: 2, votedFor: 'a', commit: 300 } } });
  await save(store, {
    g: { entries },
    h: { hardState: { term: 1, votedFor: undefined, commit: 0 } },
  });
  await store.compact('g', { ...snapshot, id: 't', index: 302, term: 70_000 }, 302);
  await store.forget('h');
  await store.close();
}

/** Sixteen bytes a line, those of zeros left out. */
function hexOf(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const line = bytes.subarray(at, at + 16);
    if (line.some((byte) => byte > 0)) lines.push(`${at} ${line.toString('hex')}`);
  }
  return `${lines.join('\n')}\n`;
}

function bytesOf(hex: string): Buffer {
  const bytes = Buffer.alloc(2_048);
  for (const line of hex.trim().split('\n')) {
    const [at = '0', digits = ''] = line.split(' ');
    bytes.write(digits, Number(at), 'hex');
  }
  return bytes;
}

test('what is written is, byte by byte, what earlier versions wrote', async (t) => {
  const directory = await freshDirectory(t);

  await writeLog(directory);

  const hex = hexOf(await readFile(join(directory, 'log-00000001')));
  if (process.env['WRITE_FIXTURES'] === '1') await writeFile(fixture, hex);
  t.is(hex, await readFile(fixture, 'utf8'));
});

test('what earlier versions wrote is read', async (t) => {
  const directory = await freshDirectory(t);
  await writeFile(join(directory, 'log-00000001'), bytesOf(await readFile(fixture, 'utf8')));

  const opened = await openStore(await nodeFiles(directory), small);

  t.is(opened.verdict, 'clean');
  if (opened.verdict === 'corrupt') return;
  const recovered = await opened.store.recover('g');
  t.like(recovered, {
    hardState: { term: 2, votedFor: 'a', commit: 300 },
    base: { index: 301, term: 2 },
    snapshot: { ...snapshot, id: 't', index: 302, term: 70_000 },
  });
  t.deepEqual([...(recovered?.entries ?? [])], entries.slice(1));
  t.is(await opened.store.recover('h'), undefined);
  await opened.store.close();
});

test('a later format is refused, and said to be one', async (t) => {
  const directory = await freshDirectory(t);
  const bytes = bytesOf(await readFile(fixture, 'utf8'));
  bytes[8] = 9;
  bytes.writeUInt32LE(checksum(bytes.subarray(0, 508)), 508);
  await writeFile(join(directory, 'log-00000001'), bytes);

  const error = await t.throwsAsync(openStore(await nodeFiles(directory), small));

  t.like(error, { code: 'ERR_WRONG_LOG', problem: 'its format is 9, and this program reads 1' });
});

test('texts of an earlier use are no sign of damage, and hide no frame that is one', (t) => {
  const bytes = Buffer.alloc(2 ** 24, 'xxxxxxx\0'); // Read as headers, of frames of 7.9 MB each.
  const later = { sequence: 7, salt: 1 };

  t.is(laterFrame(bytes, 512, later), 'none');
  const frame = bytes.subarray(2 ** 23, 2 ** 23 + 24);
  finishFrame(frame, { sequence: 9, previous: 1 }, { salt: 1, flags: 0 });

  t.is(laterFrame(bytes, 512, later), 'there');
  t.is(laterFrame(bytes, 512, { ...later, sequence: 9 }), 'none');
});

test('what is too much like frames to be searched is damage, and no write that was cut off', async (t) => {
  const directory = await freshDirectory(t);
  const path = join(directory, 'log-00000001');
  const log = bytesOf(await readFile(fixture, 'utf8'));
  const crafted = Buffer.alloc(2 ** 22);
  for (let at = 0; at < crafted.length / 2; at += 24) {
    crafted.writeUInt32LE(crafted.length / 2, at + 4);
    crafted.writeUIntLE(1_000, at + 12, 6);
  }
  await writeFile(path, Buffer.concat([log, crafted]));

  const opened = await openStore(await nodeFiles(directory), small);

  t.is(opened.verdict, 'corrupt');
  t.regex(
    'damage' in opened ? opened.damage.reason : '',
    /cannot be told: .* over 1073741824 bytes/,
  );
});
