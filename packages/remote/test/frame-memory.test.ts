import test from 'ava';
import { NotSerializable } from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';
import { CborCodec } from '@troupe/remote';
import { FrameMemory } from '../dist/frame-memory.js';
import { plainPort } from './fake-port.js';

const KIB = 1024;

test('memory that nothing lies in is used again for what is about as long, and shows nothing', (t) => {
  const memory = new FrameMemory(virtualEnv());
  const first = memory.take(64 * KIB).fill(7);
  const { buffer } = first;

  memory.giveBack(first);
  const tooShort = memory.take(32 * KIB);
  const tooLong = memory.take(65 * KIB);
  const fits = memory.take(60 * KIB);
  const another = memory.take(60 * KIB);

  t.deepEqual(
    [tooShort, tooLong, fits, another].map((each) => each.buffer === buffer),
    [false, false, true, false],
  );
  t.is(fits.length, 60 * KIB);
  t.true(new Uint8Array(buffer, 60 * KIB).every((byte) => byte === 0));
});

test('no more than 8 MiB are kept, and those that were used last', (t) => {
  const memory = new FrameMemory(virtualEnv());
  const sizes = [3, 4, 5, 9];
  const taken = sizes.map((mib) => memory.take(mib * KIB * KIB));
  for (const each of taken) memory.giveBack(each);

  const again = sizes.map((mib) => memory.take(mib * KIB * KIB));

  t.deepEqual(
    again.map(({ buffer }, i) => buffer === taken[i]?.buffer),
    [false, false, true, false],
  );
});

test('a value is taken back when the turn is over, and is empty from then on', async (t) => {
  const env = virtualEnv();
  const memory = new FrameMemory(env);
  const value = memory
    .take(64 * KIB)
    .fill(7)
    .subarray(10);
  const { buffer } = value;
  memory.lend(value);

  t.true(memory.recycle(value));
  t.is(value[0], 7);
  t.false(memory.recycle(value));
  await env.settled();

  t.is(value.length, 0);
  t.is(buffer.byteLength, 0);
  const next = memory.take(64 * KIB);
  t.is(next[0], 7); // The same memory, which a frame is about to fill.
  t.not(next.buffer, buffer);
});

test('what was not lent is left alone, and so is what its user has transferred', async (t) => {
  const env = virtualEnv();
  const memory = new FrameMemory(env);
  const own = new Uint8Array(64 * KIB).fill(7);
  const transferred = memory.take(64 * KIB).fill(7);
  memory.lend(transferred);

  t.false(memory.recycle(own));
  t.false(memory.recycle(new Uint8Array(new SharedArrayBuffer(64 * KIB))));
  t.true(memory.recycle(transferred));
  const { buffer } = transferred;
  const elsewhere = structuredClone(transferred, { transfer: [buffer as ArrayBuffer] });
  await env.settled();

  t.is(own[0], 7);
  t.is(elsewhere[0], 7);
  t.not(memory.take(64 * KIB)[0], 7);
});

test('bytes whose memory was taken back cannot be sent: they do not pass for empty ones', (t) => {
  const codec = new CborCodec();
  const gone = new Uint8Array(64 * KIB);
  structuredClone(gone, { transfer: [gone.buffer] });

  const error = t.throws(() => codec.encode([8, [gone]], plainPort, ['type', 'args']), {
    instanceOf: NotSerializable,
  });

  t.regex(error.message, /args.*detached/);
});
