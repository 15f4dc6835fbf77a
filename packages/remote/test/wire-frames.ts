import * as type from '../dist/frames.js';
import { Ticket } from './fake-port.js';

/**
 * One frame of every kind, and one value of every kind, by name. What is here is on the wire of
 * some release: add to it, and never change what is there.
 */
export const WIRE_FRAMES: Readonly<Record<string, readonly unknown[]>> = {
  ping: [type.PING, 1],
  pong: [type.PONG, 1],
  goaway: [type.GOAWAY, 'the node is stopping'],
  'call of an actor': [type.CALL, 1, 7, 'add', [1], 10_000],
  'call of a service': [type.CALL, 2, 'members', 'exchange', [{}], 500],
  'call of an entity': [type.CALL, 3, ['room', 'lobby', 0], 'join', ['ann'], 10_000],
  cast: [type.CAST, ['room', 'lobby', 1], 'say', ['ann', 'hällo']],
  result: [type.RESULT, 1, ['ann', 'bob']],
  'result without a value': [type.RESULT, 1, undefined],
  fail: [type.FAIL, 1, new Ticket(3, ['ERR_X', 'Error', 'no'])],
  cancel: [type.CANCEL, 1],
  stop: [type.STOP, 4, 7],
  open: [type.OPEN, 2, 1, true, 'dG9rZW4'],
  items: [type.ITEMS, 2, [1, 'two', { three: 3 }]],
  credit: [type.CREDIT, 3, 128, 0],
  'credit that grows the window': [type.CREDIT, 3, 128, 256],
  'end of a closed channel': [type.END, 3, 0],
  'end of a channel closed with an error': [
    type.END,
    3,
    1,
    new Ticket(3, ['ERR_X', 'Error', 'no']),
  ],
  'end of an unknown channel': [type.END, 3, 2],
  watch: [type.WATCH, 5, 7],
  down: [type.DOWN, 5, { kind: 'stopped' }],
  unwatch: [type.UNWATCH, 5],
  numbers: [type.RESULT, 1, [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, -1, -0.5]],
  'odd numbers': [type.RESULT, 1, [-0, NaN, Infinity, -Infinity, 2 ** 53, 5e-324]],
  bigints: [type.RESULT, 1, [0n, -1n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 70n)]],
  texts: [type.RESULT, 1, ['', 'a', 'ä€😀', 'x'.repeat(300)]],
  'simple values': [type.RESULT, 1, [true, false, null, undefined]],
  objects: [type.RESULT, 1, { a: 1, b: { c: [] } }],
  bytes: [type.RESULT, 1, [Uint8Array.of(1, 2, 3), Uint8Array.of(4).buffer]],
  'typed arrays': [type.RESULT, 1, [Int16Array.of(-1, 258), Float64Array.of(0.5)]],
  'maps, sets and dates': [
    type.RESULT,
    1,
    [new Map<unknown, unknown>([[1, 'one']]), new Set(['a']), new Date(86_400_000)],
  ],
  'a value of the session': [type.RESULT, 1, new Ticket(7, { note: 'x' })],
};
