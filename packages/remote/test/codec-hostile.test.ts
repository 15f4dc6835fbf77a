import test from 'ava';
import * as cborX from 'cbor-x';
import { BadBytes, CborCodec } from '../dist/index.js';
import { array, bytes, head, join, map, repeat, tag, text, uint } from './cbor-bytes.ts';
import { Ticket, ticketPort } from './fake-port.ts';

const PROCESSOR_MS_MAX = 100;
const MEBIBYTE = 1024 * 1024;
const BIGINT = 21_600;
const DATE = 21_602;
const MAP = 21_603;
const SET = 21_604;
const BUFFER = 21_605;
const ARRAY_BUFFER = 21_606;
const FLOAT64_ARRAY = 21_614;
const PORT = 21_632;

const codec = new CborCodec();
const good = [8, 1, 5, 'say', [{ nick: 'ann', ticket: new Ticket(1, 'x') }]];
const goodBytes = Uint8Array.from(codec.encode(good, ticketPort));
const objectPrototype = Object.getOwnPropertyDescriptors(Object.prototype);

/** The least of some tries: the time counted is that of the whole process, other tests included. */
function leastProcessorMs(work: () => void): number {
  let leastMs = Infinity;
  for (let tries = 0; tries < 20 && leastMs > PROCESSOR_MS_MAX / 2; tries += 1) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    leastMs = Math.min(leastMs, (user + system) / 1_000);
  }
  return leastMs;
}

const isRefused = test.macro({
  title: (what) => `refused with a typed error, quickly, and the next frame is read: ${what}`,
  exec(t, hostile: Uint8Array, message: RegExp) {
    let error: unknown;
    const elapsedMs = leastProcessorMs(() => {
      try {
        codec.decodeSequence(hostile, ticketPort);
      } catch (thrown) {
        error = thrown;
      }
    });

    t.true(error instanceof BadBytes, String(error));
    t.like(error, { name: 'BadBytes', code: 'ERR_BAD_BYTES' });
    t.regex((error as Error).message, message);
    t.true(elapsedMs < PROCESSOR_MS_MAX, `${elapsedMs} ms`);
    t.deepEqual(codec.decodeSequence(goodBytes, ticketPort), [good]);
    t.deepEqual(Object.getOwnPropertyDescriptors(Object.prototype), objectPrototype);
  },
});

/** A call whose one argument is `value`. */
function call(value: Uint8Array): Uint8Array {
  return array(uint(8), uint(1), uint(5), text('say'), array(value));
}

// Depth and size.
const open = Uint8Array.of(0x81);
test('arrays within arrays, 300 deep', isRefused, join(repeat(300, open), [0]), /256 levels deep/);
test('a mebibyte of opened arrays', isRefused, repeat(MEBIBYTE, open), /256 levels deep/);
test('maps within maps', isRefused, call(repeat(300, join([0xa1], text('a')))), /256 levels deep/);
test('tags within tags', isRefused, call(repeat(300, head(6, SET))), /256 levels deep/);
test(
  '16 MiB and a byte',
  isRefused,
  new Uint8Array(16 * MEBIBYTE + 1).fill(0x80),
  /exceed the limit/,
);
test(
  'a mebibyte of empty objects in an array',
  isRefused,
  call(join(head(4, MEBIBYTE), repeat(MEBIBYTE, Uint8Array.of(0xa0)))),
  /more than 1048576 values/,
);
test(
  '16 MiB of empty frames',
  isRefused,
  repeat(16 * MEBIBYTE, Uint8Array.of(0x80)),
  /1048576 values/,
);
test(
  'each array claims all that follows',
  isRefused,
  repeat(8_000, Uint8Array.of(0x99, 0x9c, 0x40)),
  /levels deep|more than 1048576 values|claimed/,
);

// Lengths that the bytes do not cover.
test(
  'an array of 4 GiB',
  isRefused,
  call(Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff)),
  /values|claimed/,
);
test(
  'a map of 4 GiB',
  isRefused,
  call(Uint8Array.of(0xba, 0xff, 0xff, 0xff, 0xff)),
  /values|claimed/,
);
test(
  'a byte string of 4 GiB',
  isRefused,
  call(Uint8Array.of(0x5a, 0xff, 0xff, 0xff, 0xff)),
  /claimed/,
);
test('a text of 4 GiB', isRefused, call(Uint8Array.of(0x7a, 0xff, 0xff, 0xff, 0xff)), /claimed/);
test(
  'an array with a length of 64 bits',
  isRefused,
  call(Uint8Array.of(0x9b, 0, 0, 0, 0, 0, 0, 0, 1, 0)),
  /64 bits/,
);
test(
  'a tag of 64 bits',
  isRefused,
  call(Uint8Array.of(0xdb, 0, 0, 0, 0, 0, 0, 0, 1, 0)),
  /64 bits/,
);
test('a frame without its last byte', isRefused, goodBytes.subarray(0, -1), /claimed/);
test('a frame that ends in a head', isRefused, Uint8Array.of(0x81, 0x19, 1), /claimed/);
test('a frame that ends in a number', isRefused, Uint8Array.of(0x81, 0xfb, 0, 0), /claimed/);
test('a good frame and a piece of another', isRefused, join(goodBytes, [0x82, 1]), /claimed/);
test('a tag without content', isRefused, join([0x81], head(6, SET)), /claimed/);

// What CBOR knows and frames do not use.
test('a frame that is no array', isRefused, map(text('type'), uint(8)), /no array/);
test('a number between two frames', isRefused, join(goodBytes, [0], goodBytes), /no array/);
test('an indefinite array', isRefused, call(Uint8Array.of(0x9f, 0, 0xff)), /indefinite/);
test('an indefinite map', isRefused, call(Uint8Array.of(0xbf, 0x61, 0x61, 0, 0xff)), /indefinite/);
test('an indefinite text', isRefused, call(Uint8Array.of(0x7f, 0x61, 0x61, 0xff)), /indefinite/);
test(
  'an indefinite byte string',
  isRefused,
  call(Uint8Array.of(0x5f, 0x41, 1, 0xff)),
  /indefinite/,
);
test('the end of something indefinite', isRefused, call(Uint8Array.of(0xff)), /indefinite/);
for (const reserved of [0x1c, 0x3d, 0x5e, 0x7c, 0x9d, 0xbe, 0xdc, 0xfc, 0xfe]) {
  test(
    `the reserved byte 0x${reserved.toString(16)}`,
    isRefused,
    call(Uint8Array.of(reserved, 0, 0, 0, 0)),
    /reserved/,
  );
}
test('an unassigned simple value', isRefused, call(Uint8Array.of(0xe0)), /simple value 0/);
test(
  'a simple value of two bytes',
  isRefused,
  call(Uint8Array.of(0xf8, 0xff)),
  /simple value of two bytes/,
);

// Keys.
for (const key of ['__proto__', 'constructor', 'prototype']) {
  const polluter = map(text(key), map(text('polluted'), uint(1)));
  test(`the key ${key}`, isRefused, call(polluter), new RegExp(`called '${key}'`));
  test(
    `the key ${key}, with a longer head than needed`,
    isRefused,
    call(join([0xa1, 0x79, 0, key.length], Buffer.from(key), [0])),
    new RegExp(`called '${key}'`),
  );
}
test('a number as a key', isRefused, call(map(uint(1), uint(1))), /key is no text/);
test(
  'an array as a key',
  isRefused,
  call(map(array(text('__proto__')), uint(1))),
  /key is no text/,
);
test('bytes as a key', isRefused, call(map(bytes(9), uint(1))), /key is no text/);
test('a tag as a key', isRefused, call(map(tag(PORT, text('a')), uint(1))), /key is no text/);

// Tags that a general decoder gives a meaning to.
test(
  'a bigint of 200 KB by the standard tag',
  isRefused,
  call(tag(2, bytes(200_000))),
  /tag 2 is none/,
);
test('a negative bigint by the standard tag', isRefused, call(tag(3, bytes(1))), /tag 3 is none/);
test(
  'a regular expression that never ends',
  isRefused,
  call(tag(27, array(text('RegExp'), text('(a+)+$')))),
  /tag 27 is none/,
);
test(
  'an error by its class name',
  isRefused,
  call(tag(27, array(text('Error')))),
  /tag 27 is none/,
);
test(
  'a value that others refer to',
  isRefused,
  call(tag(28, array(tag(29, uint(0))))),
  /tag 28 is none/,
);
test('a reference to a value', isRefused, call(tag(29, uint(0))), /tag 29 is none/);
for (const number of [0, 1, 4, 5, 6, 14, 15, 24, 51, 64, 105, 216, 225, 258, 259, 28_704]) {
  test(`tag ${number}`, isRefused, call(tag(number, array(uint(1)))), /is none of ours/);
}
for (const number of [0xdff9, 0xdffe, 0xdfff, 0xe000, 0x53687264, 55_799, 0xffff_ffff]) {
  test(`tag ${number}`, isRefused, call(tag(number, array(uint(1), uint(2)))), /is none of ours/);
}
test('the tags beside ours', isRefused, call(array(tag(PORT + 32, uint(1)))), /is none of ours/);

// Tags of ours around the wrong content.
test('a bigint of 1025 bytes', isRefused, call(tag(BIGINT, bytes(1_025))), /1025 bytes exceeds/);
test('a bigint of a mebibyte', isRefused, call(tag(BIGINT, bytes(MEBIBYTE))), /exceeds the limit/);
test('a bigint that is a text', isRefused, call(tag(BIGINT, text('1'))), /bytes were expected/);
test('a date that is a text', isRefused, call(tag(DATE, text('now'))), /no number/);
test('a date that is an object', isRefused, call(tag(DATE, map())), /no number/);
test('a Map whose last key has no value', isRefused, call(tag(MAP, array(uint(1)))), /no value/);
test('a Map that is an object', isRefused, call(tag(MAP, map())), /no array/);
test('a Set that is a text', isRefused, call(tag(SET, text('abc'))), /no array/);
test(
  'a Buffer that is an array',
  isRefused,
  call(tag(BUFFER, array(uint(1)))),
  /bytes were expected/,
);
test('an ArrayBuffer that is a number', isRefused, call(tag(ARRAY_BUFFER, uint(2 ** 31))), /bytes/);
test('doubles of seven bytes', isRefused, call(tag(FLOAT64_ARRAY, bytes(7))), /whole number of/);
test(
  'doubles that are a number',
  isRefused,
  call(tag(FLOAT64_ARRAY, uint(10))),
  /bytes were expected/,
);
test(
  'a value tag that has no meaning yet',
  isRefused,
  call(tag(21_620, bytes(8))),
  /no value has tag/,
);
test(
  'a special value that the port does not know',
  isRefused,
  call(tag(PORT, uint(1))),
  /no ticket/,
);
test('a special value of the wrong shape', isRefused, call(tag(PORT + 7, text('x'))), /no ticket/);

test('a mebibyte of bigints, each as long as allowed, is read in time', (t) => {
  const count = 1_000;
  const hostile = call(join(head(4, count), repeat(count, tag(BIGINT, bytes(1_024)))));

  t.true(leastProcessorMs(() => codec.decodeSequence(hostile, ticketPort)) < PROCESSOR_MS_MAX);
});

test('keys that awaiting or printing would look for arrive as data', (t) => {
  const hostile = call(
    map(text('then'), text('x'), text('toJSON'), uint(1), text('valueOf'), uint(2)),
  );

  const [frame] = codec.decodeSequence(hostile, ticketPort);

  const expected: unknown = JSON.parse('{ "then": "x", "toJSON": 1, "valueOf": 2 }');
  t.deepEqual(frame?.[4], [expected]);
});

test('data that look like a tag arrive as data', (t) => {
  const lookalike = call(
    map(text('tag'), uint(PORT + 7), text('value'), array(uint(1), text('x'))),
  );

  const [frame] = codec.decodeSequence(lookalike, ticketPort);

  t.deepEqual(frame?.[4], [{ tag: PORT + 7, value: [1, 'x'] }]);
});

test('nothing is hydrated unless all bytes are in order', (t) => {
  let hydrated = 0;
  const counting = {
    ...ticketPort,
    hydrate(kind: number, content: unknown) {
      hydrated += 1;
      return ticketPort.hydrate(kind, content);
    },
  };

  t.throws(() => codec.decodeSequence(join(goodBytes, [0x9f]), counting), { instanceOf: BadBytes });

  t.is(hydrated, 0);
});

test('the same limits hold for a codec with limits of its own', (t) => {
  const narrow = new CborCodec({
    depthMax: 3,
    itemsMax: 10,
    bigintBytesMax: 9,
    sequenceBytesMax: 50,
  });

  t.notThrows(() => narrow.decodeSequence(array(array(array(uint(1)))), ticketPort));
  for (const hostile of [
    array(array(array(array()))),
    array(...new Array<Uint8Array>(10).fill(uint(1))),
    array(tag(BIGINT, bytes(10))),
    array(text('x'.repeat(50))),
  ]) {
    t.throws(() => narrow.decodeSequence(hostile, ticketPort), { instanceOf: BadBytes });
  }
});

test('other users of cbor-x in the process notice nothing', (t) => {
  const value = { date: new Date(1_000), set: new Set([1]), big: 2n ** 70n, list: [1, 2] };

  t.deepEqual(cborX.decode(cborX.encode(value)), value);
  codec.decodeSequence(goodBytes, ticketPort);
  t.deepEqual(cborX.decode(cborX.encode(value)), value);
});
