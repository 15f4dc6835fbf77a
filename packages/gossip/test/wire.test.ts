import test from 'ava';
import fc from 'fast-check';
import { BadPacket, decodePacket, encodePacket, type Packet, packetBytes } from '@troupe/gossip';

const text = fc.stringMatching(/^[!-~]{1,40}$/);
const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const about = {
  name: text,
  generation: whole,
  incarnation: fc.nat({ max: 2 ** 32 - 1 }),
};
const small = fc.nat({ max: 255 });

const update = fc.oneof(
  fc.record({
    kind: fc.constant('alive' as const),
    ...about,
    address: text,
    meta: fc.uint8Array({ maxLength: 512 }),
    versionMin: small,
    versionMax: small,
  }),
  fc.record({ kind: fc.constant('suspect' as const), ...about, by: text, health: small }),
  fc.record({ kind: fc.constant('failed' as const), ...about, by: text, proof: fc.boolean() }),
  fc.record({ kind: fc.constant('left' as const), ...about }),
);

const message = fc.oneof(
  fc.record({ kind: fc.constant('gossip' as const) }),
  fc.record({
    kind: fc.constant('ping' as const),
    sequence: whole,
    target: text,
    generation: whole,
    digest: fc.nat({ max: 2 ** 32 - 1 }),
  }),
  fc.record({
    kind: fc.constantFrom('ack' as const, 'nack' as const, 'refused' as const),
    sequence: whole,
  }),
  fc.record({
    kind: fc.constant('ping-request' as const),
    sequence: whole,
    target: text,
    address: text,
    generation: whole,
    deadlineMs: fc.nat({ max: 60_000 }),
    verify: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('sync' as const),
    digest: fc.nat({ max: 2 ** 32 - 1 }),
    members: whole,
    join: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('rows' as const),
    rows: fc.array(
      fc.record({
        ...about,
        state: fc.constantFrom(
          'alive' as const,
          'suspect' as const,
          'failed' as const,
          'left' as const,
        ),
      }),
    ),
  }),
  fc.record({ kind: fc.constant('states' as const), wanted: fc.array(text) }),
  fc.record({ kind: fc.constant('taken' as const), address: text }),
);

const packet: fc.Arbitrary<Packet> = fc.record({
  cluster: fc.nat({ max: 2 ** 32 - 1 }),
  from: text,
  generation: whole,
  message,
  updates: fc.array(update, { maxLength: 20 }),
});

test('what is written is read, and takes the bytes that were counted', (t) => {
  fc.assert(
    fc.property(packet, (sent) => {
      const bytes = encodePacket(sent);

      t.is(bytes.length, packetBytes(sent));
      t.deepEqual(decodePacket(bytes), sent);
    }),
  );
});

test('bytes that are damaged are read as something else or refused, never more', (t) => {
  fc.assert(
    fc.property(packet, fc.nat(), small, (sent, at, byte) => {
      const bytes = encodePacket(sent);
      bytes[at % bytes.length] = byte;

      readable(bytes);
      readable(bytes.subarray(0, at % bytes.length));
    }),
  );
  t.pass();
});

test('any bytes are read or refused', (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), readable), { numRuns: 2_000 });
  t.pass();
});

function readable(bytes: Uint8Array): void {
  try {
    decodePacket(bytes);
  } catch (error) {
    if (!(error instanceof BadPacket)) throw error;
  }
}

const plain: Packet = {
  cluster: 1,
  from: 'a',
  generation: 2,
  message: { kind: 'ack', sequence: 3 },
  updates: [],
};

test('records of a later version are skipped by their length', (t) => {
  const bytes = Uint8Array.of(...encodePacket(plain), 99, 2, 7, 7);

  t.deepEqual(decodePacket(bytes), plain);
});

for (const [title, bytes, words] of [
  ['of another version', [9, 0, 0, 0, 0], /version 9/],
  ['cut short', [1, 0, 0], /ends too soon/],
  ['with a name that is too long', [1, 0, 0, 0, 0, 65], /65 bytes, over 64/],
  [
    'with a number that is too great',
    [1, 0, 0, 0, 0, 1, 97, ...new Array<number>(9).fill(255)],
    /number/,
  ],
  ['with a name that nobody could read', [1, 0, 0, 0, 0, 1, 7, 1], /printable/],
  ['with more entries than bytes', [1, 0, 0, 0, 0, 1, 97, 1, 9, 3, 255, 255, 3], /over 16384/],
] as const) {
  test(`a packet ${title} is refused`, (t) => {
    t.throws(() => decodePacket(Uint8Array.from(bytes)), { instanceOf: BadPacket, message: words });
  });
}

test('what is read of a packet does not change with the bytes it was read from', (t) => {
  const meta = Uint8Array.of(1, 2, 3);
  const packet: Packet = {
    cluster: 0,
    from: 'a',
    generation: 1,
    message: { kind: 'gossip' },
    updates: [
      {
        kind: 'alive',
        name: 'a',
        generation: 1,
        incarnation: 0,
        address: 'a:1',
        meta,
        versionMin: 1,
        versionMax: 1,
      },
    ],
  };
  const received = Buffer.from(encodePacket(packet)); // As sockets give it, and use it again.

  const decoded = decodePacket(received);
  received.fill(0);

  t.deepEqual(decoded, packet);
});
