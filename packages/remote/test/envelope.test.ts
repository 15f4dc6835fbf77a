import test from 'ava';
import fc from 'fast-check';
import { BadFrame } from '@troupe/remote';
import { ENVELOPE_BYTES_MAX, EnvelopeReader, packEnvelope } from '../dist/envelope.js';

function packed(...frames: readonly (readonly number[])[]): Uint8Array {
  const bytes = frames.map((frame) => Uint8Array.from(frame));
  return packEnvelope(bytes, bytes.flatMap((each) => [...each]).length);
}

function head(length: number, flags = 0): Uint8Array {
  const bytes = Buffer.alloc(5, flags);
  bytes.writeUInt32BE(length, 0);
  return bytes;
}

/** The bodies that come out when `stream` arrives in these pieces. */
function read(pieces: readonly Uint8Array[]): number[][] {
  const reader = new EnvelopeReader();
  return pieces.flatMap((piece) => reader.push(piece)).map((body) => [...body]);
}

const three = Buffer.concat([packed([1], [2, 3]), packed(), packed([4, 5, 6, 7])]);
const bodies = [[1, 2, 3], [], [4, 5, 6, 7]];

test('frames of one envelope come out as one body, in order', (t) => {
  t.deepEqual([...packed([1], [2, 3])], [0, 0, 0, 4, 0, 1, 2, 3]);
  t.deepEqual(read([three]), bodies);
});

test('a stream may be cut in any place', (t) => {
  for (let at = 0; at <= three.length; at += 1) {
    t.deepEqual(read([three.subarray(0, at), three.subarray(at)]), bodies, `cut at ${at}`);
  }
});

test('a stream may arrive byte by byte', (t) => {
  t.deepEqual(read(Array.from(three, (byte) => Uint8Array.of(byte))), bodies);
});

test('whatever the envelopes and the pieces, what goes in comes out', (t) => {
  const envelopes = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 12 });

  const property = fc.property(envelopes, cuts, (contents, at) => {
    const stream = Buffer.concat(contents.map((content) => packed([...content])));
    const edges = [0, ...at.filter((cut) => cut < stream.length).toSorted((a, b) => a - b)];
    const pieces = edges.map((edge, i) => stream.subarray(edge, edges[i + 1] ?? stream.length));
    t.deepEqual(
      read(pieces),
      contents.map((content) => [...content]),
    );
  });

  t.notThrows(() => fc.assert(property));
});

test('what is not whole waits, and is counted', (t) => {
  const reader = new EnvelopeReader();

  t.deepEqual(reader.push(three.subarray(0, 6)), []);

  t.is(reader.pendingBytes, 6);
  t.is(reader.push(three.subarray(6)).length, 3);
  t.is(reader.pendingBytes, 0);
});

test('a body outlives the chunks that follow', (t) => {
  const reader = new EnvelopeReader();
  const [body] = reader.push(packed([1, 2, 3]));

  reader.push(packed([9, 9, 9]));

  t.deepEqual([...(body ?? [])], [1, 2, 3]);
});

test('the longest envelope is read, with its first byte to its last', (t) => {
  const reader = new EnvelopeReader();
  const body = new Uint8Array(ENVELOPE_BYTES_MAX - 1);
  body[0] = 1;
  body[body.length - 1] = 2;

  t.deepEqual(reader.push(head(ENVELOPE_BYTES_MAX)), []);
  const [whole] = reader.push(body);

  t.is(whole?.length, body.length);
  t.deepEqual([whole?.[0], whole?.at(-1)], [1, 2]);
});

for (const [what, bytes, message] of [
  ['no length', head(0), /an envelope of 0 bytes, where 1 …/],
  ['a byte too many', head(ENVELOPE_BYTES_MAX + 1), /where 1 … \d+ are allowed/],
  ['four gigabytes', head(0xffff_ffff), /an envelope of 4294967295 bytes/],
  ['flags of the future', head(1, 0x40), /envelope flags 64/],
  ['a wrong length after a right one', Buffer.concat([packed([1]), head(0)]), /0 bytes/],
] as const) {
  test(`refused, without waiting for what it announces: ${what}`, (t) => {
    for (const pieces of [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
      t.throws(() => read(pieces), { instanceOf: BadFrame, message });
    }
  });
}
