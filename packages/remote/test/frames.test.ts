import test from 'ava';
import { BadFrame } from '@troupe/remote';
import { FrameReader } from '../dist/frames.js';

test('fields are read in the order they were written', (t) => {
  const frame = new FrameReader([8, 1, 'room', ['a', 'k', 0], ['x'], { any: true }]);

  t.is(frame.type, 8);
  t.is(frame.number(), 1);
  t.is(frame.target(), 'room');
  t.deepEqual(frame.target(), ['a', 'k', 0]);
  t.deepEqual(frame.list(), ['x']);
  t.deepEqual(frame.any(), { any: true });
});

const wrong: Readonly<Record<'number' | 'text' | 'name' | 'list' | 'target', readonly unknown[]>> =
  {
    number: [-1, 1.5, NaN, Infinity, 2 ** 53, 1n, '1', null, undefined, [1]],
    text: [1, null, undefined, ['a'], 'x'.repeat(1_025)],
    name: [-1, 0.5, null, undefined, ['a'], 'x'.repeat(1_025)],
    list: ['a', { length: 0 }, null, undefined],
    target: [
      1.5,
      null,
      undefined,
      {},
      'x'.repeat(257),
      [],
      ['kind', 'key'],
      ['kind', 'key', 0, 0],
      ['kind', 1, 0],
      ['kind', 'key', 0.5],
      ['x'.repeat(65), 'key', 0],
      ['kind', 'x'.repeat(1_025), 0],
    ],
  };

for (const [field, values] of Object.entries(wrong)) {
  test(`a ${field} of another shape is refused, with its place and the frame's type`, (t) => {
    for (const value of values) {
      const frame = new FrameReader([9, value]);

      t.throws(() => frame[field as keyof typeof wrong](), {
        instanceOf: BadFrame,
        message: /^field 1 of frame type 9 is not /,
      });
    }
  });
}

test('a frame that ends too early is refused at the field that is missing', (t) => {
  const frame = new FrameReader([10, 1]);
  frame.number();

  t.throws(() => frame.list(), { message: /^field 2 of frame type 10/ });
});

for (const [chars, fits] of [
  [256, true],
  [257, false],
] as const) {
  test(`a name of ${chars} characters ${fits ? 'fits' : 'does not fit'} into 256`, (t) => {
    const frame = new FrameReader([4, 'x'.repeat(chars)]);

    if (fits) t.is(frame.text(256).length, chars);
    else t.throws(() => frame.text(256), { instanceOf: BadFrame });
  });
}
