import test from 'ava';
import { BadFrame } from '@troupe/remote';
import {
  ACK_NOW,
  type Envelope,
  EnvelopeReader,
  Garbled,
  HEADER_BYTES,
  packEnvelope,
} from '../dist/envelope.js';

function packed(body: string, sequence = 1): Uint8Array {
  const bytes = Buffer.from(body);
  return packEnvelope({ flags: ACK_NOW, sequence, acknowledged: 7 }, [bytes], bytes.length);
}

function textOf({ body }: Envelope): string {
  return Buffer.from(body).toString();
}

test('what was packed is read, with its numbers, whatever the pieces it comes in', (t) => {
  const bytes = Buffer.concat([packed('one', 1), packed('two', 2 ** 32 - 1), packed('', 3)]);

  for (let size = 1; size <= bytes.length; size += 1) {
    const reader = new EnvelopeReader();
    const read: Envelope[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      const whole = reader.push(bytes.subarray(at, at + size));
      read.push(...whole.map((each) => ({ ...each, body: Uint8Array.from(each.body) })));
    }
    t.deepEqual(read.map(textOf), ['one', 'two', '']);
    t.deepEqual(
      read.map(({ sequence }) => sequence),
      [1, 2 ** 32 - 1, 3],
    );
    t.like(read[0], { acknowledged: 7, flags: ACK_NOW });
    t.is(reader.pendingBytes, 0);
  }
});

test('no single bit can be flipped unnoticed, and one in a length is noticed at once', (t) => {
  const bytes = packed('payload');

  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const isInHead = bit < HEADER_BYTES * 8;
    const given = isInHead ? flipped.subarray(0, HEADER_BYTES) : flipped;
    t.throws(() => new EnvelopeReader().push(given), { instanceOf: Garbled }, `bit ${bit}`);
  }
});

test('a length beyond the bound is refused before any of it is waited for', (t) => {
  const large = packEnvelope(
    { flags: 0, sequence: 1, acknowledged: 0 },
    [],
    96 * 1024 + 1,
  ).subarray(0, HEADER_BYTES);

  t.throws(() => new EnvelopeReader().push(large), {
    instanceOf: BadFrame,
    message: /98305 bytes, where 98304 are allowed/,
  });
});
