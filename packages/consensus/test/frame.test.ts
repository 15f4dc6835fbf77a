import test from 'ava';
import fc from 'fast-check';
import type { Entry } from '@troupe/raft';
import { BadFrame } from '@troupe/remote';
import { FRAME_BYTES_MAX, FrameCutter, FrameReader } from '../dist/frame-reader.js';
import { FrameWriter, HEADER_BYTES } from '../dist/frame-writer.js';
import type { Packet } from '../dist/packet.js';

const ends = { from: 'a', to: 'b' };
const data = (text: string): Uint8Array => new TextEncoder().encode(text);
const position = { index: 2 ** 40, term: 300 };
const configuration = {
  voters: ['a', 'b', 'ü'],
  outgoing: ['a'],
  learners: ['d'],
  promotable: ['d'],
  witnesses: ['b'],
};
const snapshot = { id: 'a-7-1-x', index: 7, term: 2, bytes: 2 ** 33, configuration };
const entries: readonly Entry[] = [
  { kind: 'command', index: 2 ** 40 + 1, term: 300, data: data('set x') },
  { kind: 'noop', index: 2 ** 40 + 2, term: 301 },
  { kind: 'configuration', index: 2 ** 40 + 3, term: 301, configuration },
  { kind: 'withheld', index: 2 ** 40 + 4, term: 302 },
  { kind: 'command', index: 2 ** 40 + 5, term: 302, data: new Uint8Array() },
];

/** One packet of each kind, and its bytes as they will always be: name of the group first. */
const recorded: readonly (readonly [packet: Packet, bytes: string])[] = [
  [{ type: 'pre-vote', ...ends, term: 1, last: { index: 5, term: 1 } }, '016701010501'],
  [{ type: 'pre-vote-reply', ...ends, term: 128, granted: true }, '016702800101'],
  [
    { type: 'vote', ...ends, term: 2, last: position, transfer: true },
    '01670302808080808020ac0201',
  ],
  [{ type: 'vote-reply', ...ends, term: 2, granted: false }, '0167040200'],
  [
    { type: 'append', ...ends, term: 302, prev: position, commit: 9, entries },
    '016705ae02808080808020ac020905010205736574207802010301030161016202c3bc01016101016401' +
      '01640101620400010000',
  ],
  [{ type: 'append-reply', ...ends, term: 3, match: 2 ** 31 }, '016706038080808008'],
  [
    { type: 'append-rejected', ...ends, term: 3, rejected: 9, hint: { index: 4, term: 2 } },
    '01670703090402',
  ],
  [{ type: 'heartbeat', ...ends, term: 3, round: 77, commit: 9, quiet: true }, '016708034d0901'],
  [{ type: 'heartbeat-reply', ...ends, term: 3, round: 77 }, '016709034d'],
  [{ type: 'stale-term', ...ends, term: 3 }, '01670a03'],
  [{ type: 'timeout-now', ...ends, term: 3, last: 9 }, '01670b0309'],
  [{ type: 'read', ...ends, term: 3, context: 2 ** 52 + 1 }, '01670c038180808080808008'],
  [
    { type: 'read-reply', ...ends, term: 3, context: 2 ** 52 + 1, index: 9 },
    '01670d03818080808080800809',
  ],
  [
    { type: 'snapshot-offer', ...ends, term: 3, snapshot },
    '01670e0307612d372d312d7807028080808020030161016202c3bc010161010164010164010162',
  ],
  [
    { type: 'snapshot-chunk', ...ends, term: 3, id: 's', offset: 9, data: data('abc') },
    '01670f0301730903616263',
  ],
  [
    { type: 'snapshot-status', ...ends, term: 3, id: 's', offset: 9, resend: true },
    '0167100301730901',
  ],
  [{ type: 'snapshot-request', ...ends, term: 3, least: 9 }, '0167110309'],
  [
    { type: 'forward', ...ends, request: 8, commands: [data('a'), data('bc')] },
    '01672008020161026263',
  ],
  [{ type: 'forwarded', ...ends, term: 3, request: 8, index: 12 }, '01672103080c'],
  [{ type: 'absent', ...ends }, '016722'],
];

function frameOf(...packets: readonly Packet[]): Uint8Array {
  const writer = new FrameWriter();
  for (const packet of packets) writer.add('g', packet);
  return writer.finish();
}

function packetsOf(frame: Uint8Array): readonly Packet[] {
  const reader = new FrameReader(frame, ends);
  const packets: Packet[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    packets.push(next.packet);
  }
  return packets;
}

for (const [packet, bytes] of recorded) {
  test(`${packet.type}: arrives as it was sent, and its bytes are those on record`, (t) => {
    const frame = frameOf(packet);

    t.is(Buffer.from(frame.subarray(HEADER_BYTES)).toString('hex'), bytes);
    t.deepEqual(packetsOf(frame.subarray(HEADER_BYTES)), [packet]);
  });
}

test('frames arrive whole, however the bytes between them are cut', (t) => {
  const frames = recorded.map(([packet]) => frameOf(packet));
  const stream = Buffer.concat(frames);

  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sizes) => {
      const cutter = new FrameCutter();
      const arrived: Packet[] = [];
      for (let at = 0, i = 0; at < stream.length; i += 1) {
        const size = sizes[i % sizes.length] ?? 1;
        for (const frame of cutter.push(stream.subarray(at, at + size))) {
          arrived.push(...packetsOf(frame));
        }
        at += size;
      }
      t.deepEqual(
        arrived,
        recorded.map(([packet]) => packet),
      );
    }),
    { numRuns: 50 },
  );
});

test('a long frame takes its buffer with it, and is not written to again', (t) => {
  const writer = new FrameWriter();
  const chunk = (fill: number): Packet => {
    const piece = new Uint8Array(100_000).fill(fill);
    return { type: 'snapshot-chunk', ...ends, term: 1, id: 's', offset: 0, data: piece };
  };
  writer.add('g', chunk(1));
  const first = writer.finish();

  writer.add('g', chunk(2));
  writer.finish();

  t.deepEqual(packetsOf(first.subarray(HEADER_BYTES)), [chunk(1)]);
});

test('a frame that was changed on its way is refused', (t) => {
  const frame = frameOf({ type: 'stale-term', ...ends, term: 3 });
  frame[frame.length - 1] = 9;

  t.throws(() => new FrameCutter().push(frame), { instanceOf: BadFrame, message: /changed/ });
});

test('a frame that claims to be longer than any is refused before it is waited for', (t) => {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(FRAME_BYTES_MAX + 1);

  t.throws(() => new FrameCutter().push(header), { instanceOf: BadFrame, message: /16777217/ });
});

test('whatever a peer sends is packets or a BadFrame, and never more than its bytes can hold', (t) => {
  const whole = frameOf(...recorded.map(([packet]) => packet)).subarray(HEADER_BYTES);
  const bent = fc
    .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });

  fc.assert(
    fc.property(fc.oneof(bent, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      try {
        packetsOf(bytes);
      } catch (error) {
        if (!(error instanceof BadFrame)) throw error;
      }
    }),
    { numRuns: 3_000 },
  );
  t.throws(() => packetsOf(Buffer.from('01670501010101ffffff7f', 'hex')), {
    instanceOf: BadFrame,
    message: /entries in 0 bytes/,
  });
});
