import test from 'ava';
import { processEnv } from '@troupe/actor';
import { Assembler } from '../dist/assembler.js';
import { CHUNK } from '../dist/envelope.js';
import { FrameMemory } from '../dist/frame-memory.js';
import { Outbox } from '../dist/outbox.js';

const KIB = 1024;

function frame(name: string, bytes = name.length): Uint8Array {
  return Buffer.alloc(bytes, name);
}

function newAssembler(): Assembler {
  return new Assembler(new FrameMemory(processEnv()));
}

/** What leaves, in order: `name` when a frame is whole for the peer, `.` for a piece before. */
function drain(outbox: Outbox, assembler = newAssembler()): string[] {
  const left: string[] = [];
  for (let load = outbox.take(true); load !== undefined; load = outbox.take(true)) {
    if ((load.flags & CHUNK) === 0) {
      for (const part of load.parts) left.push(String.fromCharCode(part[0] ?? 0));
    } else {
      const whole = assembler.push(Buffer.concat(load.parts));
      left.push(whole === undefined ? '.' : String.fromCharCode(whole[0] ?? 0));
    }
  }
  return left;
}

test('small frames leave in order, control frames before them', (t) => {
  const outbox = new Outbox();
  for (const name of 'abc') outbox.push(frame(name), name, 0);
  outbox.pushControl(frame('!'));

  t.deepEqual(drain(outbox), ['!', 'a', 'b', 'c']);
  t.is(outbox.bytes, 0);
});

test('a small frame overtakes a large one for somebody else', (t) => {
  const outbox = new Outbox();
  outbox.push(frame('L', 1024 * KIB), 'one', 0);
  outbox.take(true);
  outbox.push(frame('s'), 'other', 0);

  t.is(drain(outbox)[0], 's');
});

test('nothing overtakes what was sent before it with the same key', (t) => {
  const outbox = new Outbox();
  outbox.push(frame('a'), 'key', 0);
  outbox.push(frame('b', 100 * KIB), 'key', 0);
  outbox.push(frame('c'), 'key', 0);
  outbox.push(frame('d', 40 * KIB), 'key', 0);
  outbox.push(frame('e'), 'key', 0);

  const left = drain(outbox).filter((name) => name !== '.');

  t.deepEqual(left, ['a', 'b', 'c', 'd', 'e']);
});

test('large frames take turns, however much longer one of them is', (t) => {
  const outbox = new Outbox();
  outbox.push(frame('L', 1024 * KIB), 'long', 0);
  outbox.push(frame('S', 192 * KIB), 'short', 0);

  const left = drain(outbox);

  t.is(left.indexOf('S'), 5); // The third piece of each: L L L and S S S in turn.
  t.is(left.at(-1), 'L');
});

test('a rest of a quarter of a piece is no piece of its own', (t) => {
  const outbox = new Outbox();
  outbox.push(frame('a', 80 * KIB), 'a', 0);
  outbox.push(frame('b', 81 * KIB), 'b', 0);

  t.is(drain(outbox).join(''), 'a.b'); // One piece of the one, two of the other.
});

test('large frames and a stream of small ones take turns too', (t) => {
  const outbox = new Outbox();
  for (let i = 0; i < 20; i += 1) outbox.push(frame('s', 32 * KIB), 'small', 0);
  outbox.push(frame('L', 256 * KIB), 'large', 0);
  for (let i = 0; i < 20; i += 1) outbox.push(frame('t', 32 * KIB), 'small', 0);

  const left = drain(outbox);

  // After what had been there before it, it leaves a piece a batch of two.
  t.is(left.slice(0, 20).join(''), 's'.repeat(20));
  t.is(left.slice(20).join('').slice(0, 12), '.tt.tt.ttLtt');
});

test('large frames stay where they are while they may not leave', (t) => {
  const outbox = new Outbox();
  outbox.push(frame('L', 64 * KIB), 'large', 0);

  t.is(outbox.take(false), undefined);
  t.is(outbox.bytes, 64 * KIB);
});

test('the outbox knows the calls that have not left, not even in part', (t) => {
  const outbox = new Outbox();
  outbox.push(frame('a'), 'a', 1);
  outbox.push(frame('b', 100 * KIB), 'b', 2);
  outbox.push(frame('c'), 'b', 3);
  outbox.push(frame('d', 100 * KIB), 'd', 4);
  t.deepEqual([...outbox.unsentCalls()], [1, 2, 3, 4]);

  outbox.take(true);
  outbox.take(true);

  t.deepEqual([...outbox.unsentCalls()], [4, 3]);
});

test('a frame that came whole is as it was, and counts no longer', (t) => {
  const assembler = newAssembler();
  const outbox = new Outbox();
  // More in all than may be unfinished at one time.
  for (let i = 0; i < 5; i += 1) {
    outbox.push(frame('x', 16 * KIB * KIB), 'key', 0);

    const whole = drain(outbox, assembler).filter((name) => name === 'x');

    t.is(whole.length, 1);
  }
});

test('pieces of more than an honest peer can have begun are refused', (t) => {
  const assembler = newAssembler();
  const begin = (message: number): Uint8Array => {
    const piece = Buffer.alloc(9);
    piece.writeUInt32BE(message, 0);
    piece.writeUInt32BE(16 * KIB * KIB, 4);
    return piece;
  };
  assembler.push(begin(1));
  assembler.push(begin(2));

  t.throws(() => assembler.push(begin(3)), { message: /33554432 bytes of unfinished frames/ });
});

test('more unfinished frames than an honest peer can have begun are refused', (t) => {
  const assembler = newAssembler();
  const begin = (message: number): Uint8Array | undefined => {
    const piece = Buffer.alloc(9);
    piece.writeUInt32BE(message, 0);
    piece.writeUInt32BE(2, 4);
    return assembler.push(piece);
  };
  for (let message = 1; message <= 1_024; message += 1) begin(message);

  t.throws(() => begin(1_025), { message: /more than 1024 unfinished frames/ });
});

test('no more large frames are begun at a time than a peer takes, and all arrive', (t) => {
  const outbox = new Outbox();
  for (let key = 0; key < 60; key += 1) outbox.push(frame('x', KIB * KIB), key, 0);

  const whole = drain(outbox).filter((name) => name === 'x');

  t.is(whole.length, 60);
});
