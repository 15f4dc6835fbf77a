import test from 'ava';
import { type Packed, ResendBuffer } from '../dist/resend-buffer.js';

function piece(completes?: Uint8Array): Packed {
  return { parts: [Uint8Array.of(1)], bytes: 1, completes };
}

test('a large frame is told to have arrived with its last piece, once, and not before', (t) => {
  const arrived: Uint8Array[] = [];
  const buffer = new ResendBuffer((frame) => arrived.push(frame));
  const [one, other] = [Uint8Array.of(1), Uint8Array.of(2)];
  for (const each of [piece(), piece(one), piece(), piece(other)]) buffer.add(each);
  while (buffer.next() !== undefined);

  buffer.acknowledge(1);
  t.deepEqual(arrived, []);
  buffer.acknowledge(1);
  buffer.rewind();
  t.deepEqual(arrived, [one]);
  buffer.acknowledge(2);

  t.deepEqual(arrived, [one, other]);
});
