import { NotSerializable } from '@troupe/actor';
import test from 'ava';
import { Tag } from 'cbor-x';
import * as fc from 'fast-check';
import { CborCodec, DEFAULT_CODEC_LIMITS } from '../dist/index.js';
import { plainPort, Ticket, ticketPort } from './fake-port.ts';

const FIELDS = ['type', 'id', 'target', 'method', 'args'];
const codec = new CborCodec();

/** What `value` has become when it arrives as the one argument of a call. */
function sent(value: unknown): unknown {
  const bytes = codec.encode([8, 1, 5, 'say', [value]], ticketPort, FIELDS);
  const [frame] = codec.decodeSequence(Uint8Array.from(bytes), ticketPort);
  return argumentsOf(frame)[0];
}

function argumentsOf(frame: unknown[] | undefined): unknown[] {
  const args = frame?.[4];
  if (!Array.isArray(args)) throw new Error('no frame with arguments came');
  return args;
}

function refusal(value: unknown, within = codec): NotSerializable {
  try {
    within.encode([8, 1, 5, 'say', [value]], plainPort, FIELDS);
  } catch (error) {
    if (error instanceof NotSerializable) return error;
    throw error;
  }
  throw new Error('it was encoded');
}

const arrives = test.macro({
  title: (what) => `${what} arrives as it was sent`,
  exec(t, value: unknown) {
    const arrived = sent(value);

    t.deepEqual(arrived, value);
    t.is(Object.prototype.toString.call(arrived), Object.prototype.toString.call(value));
  },
});

test('nothing', arrives, null);
test('undefined', arrives, undefined);
test('an array that holds undefined', arrives, [undefined, 1, undefined]);
test('a property that is undefined', arrives, { a: undefined });
test('a boolean', arrives, [true, false]);
test('an integer at every length', arrives, [
  [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1],
  [-1, -24, -25, -256, -257, -65_536, -65_537, -(2 ** 32), -(2 ** 32) - 1, -(2 ** 53 - 1)],
]);
test('a fraction', arrives, [0.1, -1.5, 1e300, 5e-324]);
test('a number that is none', arrives, [NaN, Infinity, -Infinity]);
test('minus zero', arrives, [-0, 0]);
test('a bigint at every length', arrives, [
  [0n, 5n, -1n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 64n), -(2n ** 64n) - 1n],
  [2n ** 4096n + 1n, -(2n ** 4096n) - 1n, 2n ** 8192n - 1n],
]);
test('a text at every length', arrives, [
  ['', 'a', 'x'.repeat(22), 'x'.repeat(23), 'x'.repeat(24), 'x'.repeat(255)],
  ['x'.repeat(256), 'x'.repeat(65_535), 'x'.repeat(65_536), 'x'.repeat(200_000)],
]);
test('a text beyond ASCII', arrives, [
  ['é', '🐎', 'ß'.repeat(12), 'ß'.repeat(23), '€'.repeat(200), '€'.repeat(30_000)],
]);
test('an object', arrives, { nick: 'ann', lines: [{ text: 'hello', at: 1 }], 'two words': {} });
test('an object with keys that look like methods', arrives, {
  then: 1,
  toJSON: 2,
  hasOwnProperty: 3,
});
test('an object that looks like a tag', arrives, { tag: 21_639, value: [1, 'forged'] });
test('an object with many keys', arrives, Object.fromEntries(new Array(70_000).fill(1).entries()));
test('a date', arrives, [new Date(0), new Date(-1), new Date(8.64e15), new Date(-8.64e15)]);
test('an invalid date', arrives, new Date(NaN));
test(
  'a Map',
  arrives,
  new Map<unknown, unknown>([
    ['a', 1],
    [2, new Map([[{ b: 1 }, [3]]])],
  ]),
);
test('a Set', arrives, new Set([1, 'a', new Set([new Date(1)])]));
test('a byte string', arrives, [
  new Uint8Array(0),
  Uint8Array.of(1, 2, 3),
  new Uint8Array(100_000),
]);
test('a Buffer', arrives, [Buffer.from('hello'), Buffer.alloc(0)]);
test('an ArrayBuffer', arrives, Uint8Array.of(1, 2, 3).buffer);
test('typed numbers', arrives, [
  Int8Array.of(-1),
  Uint8ClampedArray.of(255),
  Int16Array.of(-2, 2),
  Uint16Array.of(65_535),
  Int32Array.of(-3),
  Uint32Array.of(2 ** 32 - 1),
  Float32Array.of(1.5),
  Float64Array.of(0.1, NaN),
  BigInt64Array.of(-1n),
  BigUint64Array.of(2n ** 64n - 1n),
]);
test(
  'a view into a larger array',
  arrives,
  new Uint16Array(Uint16Array.of(1, 2, 3, 4).buffer, 2, 2),
);
test('a special value', arrives, new Ticket(5, 'front row'));
test('a special value within a special value within data', arrives, {
  list: [new Map([['k', new Ticket(5, [new Ticket(6, new Date(1)), { plain: true }])]])],
});

test('values of all kinds arrive as they were sent', (t) => {
  const key = fc
    .string()
    .filter((text) => !['__proto__', 'constructor', 'prototype'].includes(text));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.string({ unit: 'grapheme' }),
      fc.oneof(fc.integer(), fc.double(), fc.bigInt(), fc.boolean()),
      fc.constantFrom(null, undefined),
      fc.oneof(fc.date(), fc.uint8Array(), fc.float64Array(), fc.int32Array()),
      fc.array(tie('value')),
      fc.dictionary(key, tie('value'), { noNullPrototype: true }),
      fc.array(tie('value')).map((items) => new Set(items)),
      fc.array(fc.tuple(tie('value'), tie('value'))).map((entries) => new Map(entries)),
      fc.tuple(fc.nat(), tie('value')).map(([number, note]) => new Ticket(number, note)),
    ),
  }));

  fc.assert(
    fc.property(value, (each) => void t.deepEqual(sent(each), each)),
    { numRuns: 500 },
  );
  t.pass();
});

test('an object without a prototype arrives as an ordinary one', (t) => {
  const bare: unknown = Object.assign(Object.create(null) as object, { a: 1 });

  t.deepEqual(sent(bare), { a: 1 });
});

test('the holes of an array arrive as undefined', (t) => {
  // oxlint-disable-next-line no-sparse-arrays -- the very thing
  t.deepEqual(sent([1, , 3]), [1, undefined, 3]);
});

test('half of a surrogate pair arrives as the replacement character', (t) => {
  t.is(sent('\ud83d'), '\ufffd');
  t.is(sent(`${'x'.repeat(100)}\ud83d`), `${'x'.repeat(100)}\ufffd`);
});

test('what arrives shares no memory with the bytes it came in', (t) => {
  const bytes = Uint8Array.from(codec.encode([Uint8Array.of(1, 2, 3)], plainPort));
  const [frame] = codec.decodeSequence(bytes, plainPort);

  bytes.fill(0);

  t.deepEqual(frame, [Uint8Array.of(1, 2, 3)]);
  t.is((frame as [Uint8Array])[0].buffer.byteLength, 3);
});

test('frames that follow one another are decoded in order', (t) => {
  const frames = [[8, 1, 'a'], [9, new Ticket(1, 'x')], [10, { b: [] }], []];
  const bytes = Buffer.concat(frames.map((frame) => codec.encode(frame, ticketPort)));

  t.deepEqual(codec.decodeSequence(bytes, ticketPort), frames);
  t.deepEqual(codec.decodeSequence(new Uint8Array(0), ticketPort), []);
});

test('encoded bytes never change, however much is encoded after them', (t) => {
  const first = codec.encode([1, 'first'], plainPort);
  const copy = Uint8Array.from(first);

  for (let i = 0; i < 20_000; i += 1) codec.encode([i, 'x'.repeat(i % 300)], plainPort);

  t.deepEqual(Uint8Array.from(first), copy);
});

test('consecutive frames lie side by side', (t) => {
  const own = new CborCodec();
  let neighbours = 0;
  let before = own.encode([0, 'hello'], plainPort);

  for (let i = 1; i <= 1_000; i += 1) {
    const next = own.encode([i, 'hello'], plainPort);
    const end = before.byteOffset + before.byteLength;
    if (next.buffer === before.buffer && next.byteOffset === end) neighbours += 1;
    before = next;
  }

  t.true(neighbours > 990, `${neighbours} of 1000`);
});

test('a small frame does not keep the memory of a large one', (t) => {
  const own = new CborCodec();

  const large = own.encode([new Uint8Array(1_000_000)], plainPort);
  const small = own.encode([1], plainPort);

  t.not(small.buffer, large.buffer);
  t.true(small.buffer.byteLength <= 65_536);
});

test('the memory of a large frame is written to again when nobody reads it any more', (t) => {
  const own = new CborCodec();
  const value = [new Uint8Array(100_000)];
  const first = own.encode(value, plainPort);
  const second = own.encode(value, plainPort);

  own.release(first, plainPort);
  const third = own.encode(value, plainPort);

  t.not(second.buffer, first.buffer);
  t.is(third.buffer, first.buffer);
});

test('memory that one peer says to have read is not written to for another', (t) => {
  const own = new CborCodec();
  const value = [new Uint8Array(100_000)];
  const otherPort = { ...plainPort };
  const first = own.encode(value, plainPort);

  own.release(first, plainPort); // Which may be a lie: then it reads what comes there next.

  t.not(own.encode(value, otherPort).buffer, first.buffer);
  t.is(own.encode(value, plainPort).buffer, first.buffer);
});

test('memory that small frames share is not used again for any of them', (t) => {
  const own = new CborCodec();
  const first = own.encode([1, 'first'], plainPort);
  const copy = Uint8Array.from(first);

  own.release(first, plainPort);
  for (let i = 0; i < 5_000; i += 1) own.encode([i, 'x'.repeat(i % 300)], plainPort);

  t.deepEqual(Uint8Array.from(first), copy);
});

const borrows = test.macro({
  title: (_, what: string, does: boolean) =>
    `${what} ${does ? 'stays where it is' : 'is copied'} when it may stay, and that is told`,
  exec(t, _: string, does: boolean, frame: readonly unknown[]) {
    const bytes = Uint8Array.from(codec.encode(frame, plainPort));

    let isKept = false;
    const keep = (): void => void (isKept = true);

    const [decoded] = codec.decodeSequence(bytes, plainPort, { keep });

    t.deepEqual(decoded, frame);
    const found = decoded?.find((each) => ArrayBuffer.isView(each));
    t.is(found?.buffer === bytes.buffer, does);
    t.is(isKept, does);
  },
});
const long = new Uint8Array(1_000).fill(7);
test(borrows, 'a byte string that is most of them', true, [8, 'name', long]);
test(borrows, 'a byte string among many', false, [8, new Uint8Array(10), long]);
test(borrows, 'a byte string that is a small part of them', false, [8, 'x'.repeat(2_000), long]);
test(borrows, 'what a tag stands for', false, [8, new Float64Array(200)]);

test('a port may encode and decode while it is asked about a value', (t) => {
  const notices: Uint8Array[] = [];
  const port = {
    dehydrate(value: object) {
      notices.push(codec.encode([16, 'open', new Ticket(1, null)], ticketPort));
      return ticketPort.dehydrate(value);
    },
    hydrate(tag: number, content: unknown) {
      for (const notice of notices) codec.decodeSequence(notice, ticketPort);
      return ticketPort.hydrate(tag, content);
    },
  };
  const frame = [8, 'before', new Ticket(2, 'x'), 'after', new Ticket(3, 'y'), 'end'];

  const bytes = codec.encode(frame, port);

  t.deepEqual(codec.decodeSequence(bytes, port), [frame]);
  t.deepEqual(codec.decodeSequence(notices[1]!, ticketPort), [[16, 'open', new Ticket(1, null)]]);
});

test('a getter may encode while the object is read, and is read once', (t) => {
  let reads = 0;
  const value = {
    get size() {
      reads += 1;
      codec.encode([1, 2, 3], plainPort);
      return reads;
    },
  };

  t.deepEqual(sent([1, value, 2]), [1, { size: 1 }, 2]);
});

const isRefused = test.macro({
  title: (what) => `${what} is refused`,
  exec(t, value: unknown, path: string, issue: RegExp) {
    const error = refusal(value);

    t.is(error.path, path);
    t.regex(error.issue, issue);
    t.is(error.executed, 'no');
    t.deepEqual(sent('the next one'), 'the next one');
  },
});

class Room {
  readonly #members = 0;
  get size(): number {
    return this.#members;
  }
}
class Names extends Array<string> {}
class Scores extends Map<string, number> {}

test('a function', isRefused, { on: { line: () => 1 } }, 'args[0].on.line', /send a reference/);
test('a class', isRefused, [Room], 'args[0][0]', /functions stay/);
test('a symbol', isRefused, [1, [Symbol('x')]], 'args[0][1][0]', /symbols mean nothing/);
test(
  'an instance of a class',
  isRefused,
  { 'my room': new Room() },
  'args[0]["my room"]',
  /a Room,/,
);
test('an array of a class of its own', isRefused, [new Names()], 'args[0][0]', /it is a Names/);
test('a Map of a class of its own', isRefused, new Scores(), 'args[0]', /it is a Scores/);
test('a regular expression', isRefused, /x/, 'args[0]', /it is a RegExp/);
test('a promise', isRefused, { a: Promise.resolve() }, 'args[0].a', /it is a Promise/);
test('a WeakMap', isRefused, new WeakMap(), 'args[0]', /it is a WeakMap/);
test('an error that the port does not know', isRefused, new Error('x'), 'args[0]', /it is a Error/);
test('a boxed primitive', isRefused, Object('x'), 'args[0]', /it is a String/);
test('a DataView', isRefused, new DataView(new ArrayBuffer(1)), 'args[0]', /it is a DataView/);
test("another library's tag", isRefused, new Tag([1, 'forged'], 21_639), 'args[0]', /it is a Tag/);
test('a special value of another session', isRefused, new Ticket(1, 1), 'args[0]', /a Ticket,/);
test(
  'what is wrong in a Map',
  isRefused,
  new Map([['a', [/x/]]]),
  'args[0].values()[0][0]',
  /RegExp/,
);
test('what is wrong in a key', isRefused, new Map([[/x/, 1]]), 'args[0].keys()[0]', /RegExp/);
test('what is wrong in a Set', isRefused, new Set([1, /x/]), 'args[0].values()[1]', /RegExp/);
test(
  'a key __proto__',
  isRefused,
  JSON.parse('{"__proto__": 1}'),
  'args[0].__proto__',
  /no property/,
);
test('a key constructor', isRefused, { constructor: 1 }, 'args[0].constructor', /no property/);
test('a key prototype', isRefused, { a: { prototype: 1 } }, 'args[0].a.prototype', /no property/);
test('a bigint too long', isRefused, [2n ** 8192n], 'args[0][0]', /1024 bytes, not 1025/);
test(
  'a getter that throws',
  isRefused,
  Object.defineProperty({}, 'x', {
    enumerable: true,
    get() {
      throw new Error('not today');
    },
  }),
  'args',
  /reading it threw 'not today'/,
);

test('a value that contains itself is refused, and told from one that is only deep', (t) => {
  const circle: unknown[] = [];
  circle.push({ back: circle });
  const viaMap = new Map<string, unknown>();
  viaMap.set('self', [viaMap]);
  let deep: unknown = 'end';
  for (let i = 0; i < 300; i += 1) deep = [deep];

  t.regex(refusal(circle).issue, /contains itself/);
  t.is(refusal(circle).path, 'args[0][0].back'); // As far as it is news.
  t.regex(refusal(viaMap).issue, /contains itself/);
  t.regex(refusal(deep).issue, /more than 256 levels deep/);
  t.is(refusal(deep).path, `args${'[0]'.repeat(32)}…`);
});

test('a value may be as deep as the limit, and no deeper', (t) => {
  const nest = (levels: number): unknown => {
    let value: unknown = 0;
    for (let i = 0; i < levels; i += 1) value = i % 2 === 0 ? [value] : { value };
    return value;
  };
  const levelsLeft = DEFAULT_CODEC_LIMITS.depthMax - 2; // The frame and its list of arguments.

  t.deepEqual(sent(nest(levelsLeft)), nest(levelsLeft));
  t.regex(refusal(nest(levelsLeft + 1)).issue, /levels deep/);
});

test('the same object twice is no circle: it arrives as two', (t) => {
  const shared = { a: 1 };

  const [left, right] = sent([shared, shared]) as unknown[];

  t.deepEqual([left, right], [shared, shared]);
  t.not(left, right);
});

test('a frame is refused when it holds too many values or takes too many bytes', (t) => {
  const narrow = new CborCodec({ itemsMax: 100, sequenceBytesMax: 1_000 });

  t.regex(refusal(new Array(100).fill(0), narrow).issue, /more than 100 values/);
  t.regex(refusal('x'.repeat(1_001), narrow).issue, /more than 1000 bytes/);
  t.regex(refusal(new Uint8Array(50_000), narrow).issue, /more than 1000 bytes/);
  t.is(refusal('x'.repeat(1_001), narrow).path, 'args');
});

test('without names for the fields, places are counted from the frame', (t) => {
  const error = t.throws(() => codec.encode([8, [{ a: /x/ }]], plainPort), {
    instanceOf: NotSerializable,
  });

  t.is(error.path, 'frame[1][0].a');
});
