import * as type from '../dist/outsider-frames.js';
import { Tagged } from './fake-port.js';

const ERROR = new Tagged(type.ERROR, [
  'ERR_UNAUTHORIZED',
  'Unauthorized',
  'this caller may not call open of room/lobby',
  'no',
  { to: 'room/lobby', method: 'open' },
  null,
  null,
  null,
]);

/**
 * What a client and a node say to each other; see `WIRE_FRAMES`. References of the node's say more
 * than those that a client sends back.
 */
export const OUTSIDER_FRAMES: Readonly<Record<string, readonly unknown[]>> = {
  hello: [type.HELLO, 3, 'a token'],
  welcome: [type.WELCOME, 3, 'a', 'ann'],
  refused: [type.REFUSED, 'its token is not accepted'],
  'call of an entity': [type.CALL, 1, ['room', 'lobby'], 'join', ['ann'], 10_000],
  'call of a reference': [type.CALL, 2, 7, 'say', ['hello'], 10_000],
  cast: [type.CAST, ['room', 'lobby'], 'say', ['hello']],
  cancel: [type.CANCEL, 1],
  'cancel that says why': [type.CANCEL, 1, ERROR],
  result: [type.RESULT, 1, ['ann', 'bob']],
  'result without a value': [type.RESULT, 1, undefined],
  fail: [type.FAIL, 1, ERROR],
  ping: [type.PING],
  pong: [type.PONG],
  open: [type.OPEN, 2],
  items: [type.ITEMS, 2, ['hello', 1]],
  credit: [type.CREDIT, 3, 128, 0],
  'end of a closed channel': [type.END, 3, 0],
  'end of a channel closed with an error': [type.END, 3, 1, ERROR],
  'end that is let go': [type.END, 2, 3],
  'elements given back': [type.RETURN, 2, 5],
  pull: [type.PULL, 1, 0, 1],
  halt: [type.HALT, 1],
  item: [type.ITEM, 1, 'hello'],
  'end of a stream': [type.FINISH, 1, 0, 'returned'],
  'end of a stream that failed': [type.FINISH, 1, 1, ERROR],
  watch: [type.WATCH, 5, ['room', 'lobby']],
  down: [type.DOWN, 5, { kind: 'stopped' }],
  'down of what has failed': [type.DOWN, 5, { kind: 'failed', error: ERROR }],
  unwatch: [type.UNWATCH, 5],
  release: [type.RELEASE, 1, 2],
  'what a node gives': [
    type.RESULT,
    1,
    [
      new Tagged(type.REFERENCE, [1, 'room', 'lobby', 'room/lobby']),
      new Tagged(type.REFERENCE, [2, 'guest', null, 'a/guest/#4']),
      new Tagged(type.CHANNEL_END, [1, true, 8]),
      new Tagged(type.STREAM, [2, false]),
    ],
  ],
  'what a client gives': [
    type.CAST,
    1,
    'join',
    [
      new Tagged(type.REFERENCE, 1),
      new Tagged(type.CHANNEL_END, [1, false, 0]),
      new Tagged(type.STREAM, [2, true]),
    ],
  ],
  invoke: [type.INVOKE, 1, 2, ['ann', 7]],
  answer: [type.ANSWER, 1, 0, 'hello ann'],
  'answer of what threw': [type.ANSWER, 1, 1, ERROR],
  'a function given back': [type.GIVE_BACK, 2, 1],
  'what can be called': [
    type.CAST,
    1,
    'onLine',
    [new Tagged(type.FUNCTION, [2]), new Tagged(type.FUNCTION, [1, true])],
  ],
};
