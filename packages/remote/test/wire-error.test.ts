import * as actor from '@troupe/actor';
import { type CallError, RemoteError } from '@troupe/actor';
import { noLess } from '@troupe/actor/internal';
import test from 'ava';
import { BadBytes, CborCodec, type ErrorClass, errorFromWire, errorToWire } from '../dist/index.js';
import { plainPort } from './fake-port.ts';

const codec = new CborCodec();

/** What `thrown` has become on the other side; its description goes through real bytes. */
function sent(thrown: unknown, classes: readonly ErrorClass[] = [], stack = false): Error {
  const bytes = codec.encode([11, errorToWire(thrown, { classes, stack })], plainPort);
  return errorFromWire(codec.decodeSequence(bytes, plainPort)[0]?.[1], classes);
}

const cause = new TypeError('no such column');
const callErrors: readonly CallError[] = [
  new actor.MailboxFull('a/room/#1', 1_000, { cause }),
  new actor.ActorDown('a/room/#1', 'no', { cause }),
  new actor.ActorDown('a/room/#1', 'unknown', { cause }),
  new actor.NoSuchActor('a/room/#1', 'it never was', { cause }),
  new actor.NoSuchMethod('a/room/#1', 'sing', { cause }),
  new actor.BadArguments('a/room/#1', 'say', 'args[0] is no text', { cause }),
  new actor.BadOption('capacity', -1, 'give an integer in 0 … 8', { cause }),
  new actor.NotSerializable('args[0]', 'it is a RegExp', 'no', { cause }),
  new actor.NotSerializable('result', 'it is a RegExp', 'yes', { cause }),
  new actor.DeadlineExceeded('a/room/#1', 10_000, 'no', { cause }),
  new actor.DeadlineExceeded('a/room/#1', 10_000, 'unknown', { cause }),
  new actor.Cancelled('a/room/#1', 'no', { cause }),
  new actor.Cancelled('a/room/#1', 'unknown', { cause }),
  new actor.Unreachable('b', 'connection refused', { cause }),
  new actor.DeadlockError('a/room/#1.say → a/room/#1.members', { cause }),
  new actor.SessionLost('b', 'connection reset', { cause }),
  new actor.Draining('b', { cause }),
  new actor.Overloaded('b', 'calls in flight', 65_536, { cause }),
  new actor.Unauthorized('a/room/#1', 'say', { cause }),
  new actor.ChannelClosed({ cause }),
  new actor.ChannelLost('node b is down', 0, { cause }),
  new actor.ChannelLost('node b is down', 3, { cause }),
  new actor.RemoteError('RoomFull', 'the room is full', 'RoomFull: …', { cause }),
];

const crosses = test.macro({
  title: (_, error: CallError) => `${error.name}, executed: ${error.executed}, arrives as itself`,
  exec(t, error: CallError) {
    const arrived = sent(error);

    t.true(actor.isCallError(arrived));
    t.is(arrived.constructor, error.constructor);
    t.is(arrived.message, error.message);
    t.deepEqual(Object.entries(arrived), Object.entries(error));
    t.is((arrived.cause as Error).constructor, TypeError);
    t.is((arrived.cause as Error).message, 'no such column');
  },
});
for (const error of callErrors) test(crosses, error);

test('every call error arrives with more of executed than it begins with', (t) => {
  for (const executed of ['unknown', 'yes'] as const) {
    const errors = callErrors.map((error) => noLess(error, executed));

    const arrived = errors.map((error) => sent(error));

    t.deepEqual(arrived.map(actor.executedOf), errors.map(actor.executedOf));
    t.deepEqual(
      arrived.map(({ constructor }) => constructor),
      callErrors.map(({ constructor }) => constructor),
    );
  }
});

test('there is a case above for every class of call errors', (t) => {
  const all = Object.values(actor).filter(
    (each) => typeof each === 'function' && each.prototype instanceof actor.CallError,
  );
  const shown = new Set<unknown>(callErrors.map((error) => error.constructor));

  t.deepEqual(
    all.filter((each) => !shown.has(each)),
    [],
  );
});

test("the language's errors arrive as themselves, and mean that the method ran", (t) => {
  for (const type of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError]) {
    const arrived = sent(new type('no such room'));

    t.is(arrived.constructor, type);
    t.is(arrived.message, 'no such room');
    t.is(actor.executedOf(arrived), 'yes');
    t.false('cause' in arrived);
  }
  const aborted = sent(new DOMException('stop', 'AbortError'));
  t.true(aborted instanceof DOMException);
  t.like(aborted, { name: 'AbortError', message: 'stop' });
});

test('an aggregate arrives with all its errors', (t) => {
  const arrived = sent(new AggregateError([new RangeError('a'), 'b'], 'both'));

  t.true(arrived instanceof AggregateError);
  const [first, second] = (arrived as AggregateError).errors as Error[];
  t.true(first instanceof RangeError);
  t.like(second, { remoteName: 'NonError', remoteMessage: 'b' });
});

class RoomFull extends Error {
  constructor(
    readonly room: string,
    readonly limit: number,
  ) {
    if (typeof room !== 'string') throw new Error('constructed from the wire');
    super(`room ${room} is full (${limit})`);
  }
  get advice(): string {
    return `try ${this.room}-2`;
  }
}

test('an error of an unknown class arrives as a RemoteError with its name, message and code', (t) => {
  const error = Object.assign(new RoomFull('lobby', 2), { code: 'ROOM_FULL' });

  const arrived = sent(error);

  t.true(arrived instanceof RemoteError);
  t.like(arrived, {
    remoteName: 'RoomFull',
    remoteMessage: 'room lobby is full (2)',
    remoteCode: 'ROOM_FULL',
    remoteStack: undefined,
    executed: 'yes',
  });
  t.deepEqual(sent(arrived), arrived); // Passed on by one node more, it does not pile up.
});

test('an error of a class that both sides list arrives as its class, with its fields', (t) => {
  const error = Object.assign(new RoomFull('lobby', 2), { since: [1, { a: 'b' }] });

  const arrived = sent(error, [RoomFull]);

  t.true(arrived instanceof RoomFull);
  t.like(arrived, { room: 'lobby', limit: 2, since: [1, { a: 'b' }], advice: 'try lobby-2' });
  t.is(arrived.message, 'room lobby is full (2)');
  t.true(arrived.stack?.includes('room lobby is full'));
});

class Moved extends actor.CallError {
  override readonly name = 'Moved';
  // A code of the framework's that no class of this package has.
  readonly code = 'ERR_MOVED' as actor.CallErrorCode;
  readonly executed = 'no';
  constructor(readonly owner: string) {
    super(`it lives on ${owner}`);
  }
}

test('a call error of a class that the receiver lists keeps its fields without more ado', (t) => {
  const arrived = errorFromWire(errorToWire(new Moved('b')), [Moved]);

  t.true(arrived instanceof Moved);
  t.deepEqual(Object.entries(arrived), Object.entries(new Moved('b')));
});

test('a call error of a class that the receiver does not know still says whether it happened', (t) => {
  t.like(sent(new Moved('b')), { name: 'RemoteError', remoteCode: 'ERR_MOVED', executed: 'no' });
});

test("an application's error with a code of the framework's arrives all the same", (t) => {
  const arrived = sent(Object.assign(new Error('mine'), { code: 'ERR_MAILBOX_FULL' }));

  t.like(arrived, { remoteMessage: 'mine', remoteCode: 'ERR_MAILBOX_FULL' });
});

test('stacks go along only when told so, apart from the local one', (t) => {
  const error = new TypeError('x');

  const withStack = sent(error, [], true) as TypeError & { remoteStack?: string };

  t.is(withStack.remoteStack, error.stack);
  t.not(withStack.stack, error.stack);
  t.false(Object.keys(withStack).includes('remoteStack'));
  t.is((sent(error) as { remoteStack?: string }).remoteStack, undefined);
});

test('fields that cannot or must not travel are left out', (t) => {
  const error = Object.assign(new RoomFull('lobby', 2), {
    socket: new Map(),
    callback: () => 1,
    token: Symbol('x'),
    deep: [[[[[[1]]]]]],
    long: 'x'.repeat(100_000),
    toString: 'shadowed',
    constructor: 'shadowed',
  });
  Object.defineProperty(error, 'angry', {
    enumerable: true,
    get: () => {
      throw new Error('no');
    },
  });

  const arrived = sent(error, [RoomFull]);

  t.deepEqual(Object.keys(arrived).toSorted(), ['angry', 'limit', 'room'].toSorted());
  t.is(String(arrived), 'Error: room lobby is full (2)');
});

test('what is thrown without being an error arrives as one', (t) => {
  t.like(sent('boom'), { remoteName: 'NonError', remoteMessage: 'boom', executed: 'yes' });
  t.like(sent({ message: 'odd' }), { remoteMessage: 'odd' });
  t.like(sent(undefined), { remoteMessage: 'undefined was thrown' });
  t.like(sent(Object.create(null)), { remoteMessage: 'an object that is no error was thrown' });
  t.like(
    sent(() => 1),
    { remoteMessage: 'a function was thrown' },
  );
});

test('causes are told to a depth of eight, however long or circular they are', (t) => {
  const circular = new Error('again');
  circular.cause = circular;

  let depth = 0;
  for (let at: unknown = sent(circular); at instanceof Error; at = at.cause) depth += 1;

  t.is(depth, 9);
});

test('aggregates of aggregates are told up to a bound', (t) => {
  let error = new Error('leaf');
  for (let i = 0; i < 6; i += 1) error = new AggregateError(new Array(10).fill(error), 'many');

  const countOf = (each: Error): number =>
    each instanceof AggregateError
      ? 1 + (each.errors as Error[]).reduce((sum, inner) => sum + countOf(inner), 0)
      : 1;

  t.is(countOf(sent(error)), 64);
});

test('long texts are cut', (t) => {
  t.true(sent(new Error('x'.repeat(1e6))).message.length <= 16 * 1024 + 1);
});

test('a description of another shape is refused', (t) => {
  const good = errorToWire(new Error('x'));
  const bent: unknown[] = [null, 'x', {}, [], [1], new Map()];
  for (let i = 0; i < good.length; i += 1) {
    bent.push(good.with(i, 5), good.with(i, new Map()));
  }
  bent.push(good.with(3, 'maybe'), good.with(4, []), good.with(5, 'text'), good.with(7, ['text']));

  for (const content of bent) {
    t.throws(() => errorFromWire(content), { instanceOf: BadBytes }, JSON.stringify(content));
  }
});

test('a description of more errors than are ever sent is refused', (t) => {
  let chain: unknown[] = errorToWire(new Error('x'));
  for (let i = 0; i < 20; i += 1) chain = errorToWire(new Error('x')).with(5, chain);

  t.throws(() => errorFromWire(chain), { instanceOf: BadBytes });
  const wide = errorToWire(new AggregateError([], 'x'));
  t.throws(() => errorFromWire(wide.with(7, new Array(100).fill(errorToWire(new Error('x'))))), {
    instanceOf: BadBytes,
  });
});

test('no constructor runs that only the content names', (t) => {
  for (const name of ['Function', 'RegExp', 'Promise', '__proto__', 'constructor', 'toString']) {
    const arrived = errorFromWire([name, name, 'x', 'yes', { [name]: 1 }, null, null, null]);

    t.true(arrived instanceof RemoteError);
    t.is((arrived as RemoteError).remoteName, name);
  }
});
