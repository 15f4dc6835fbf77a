import test from 'ava';
import { Actor, actor, type ActorRef, rpc, Unreachable } from '@troupe/actor';
import { BadFrame } from '@troupe/remote';
import { CALL, CAST, ENTITY, FrameReader, METHOD } from '../dist/frames.js';
import { NamesGiven, NamesTaken } from '../dist/names.js';
import { testNodes } from './nodes.js';

const KIND = 'room';
const MAX = 1_024;

@actor({ kind: 'ledger' })
class Ledger extends Actor {
  readonly #entries: number[] = [];
  @rpc withALongNameThatNobodyWantsToWriteTwice(entry: number): number {
    return this.#entries.push(entry);
  }
  @rpc all(): readonly number[] {
    return this.#entries;
  }
}

/** What is said of a call of `method` to the entity `key`, by somebody who has room for it. */
function calling(takes = true) {
  const said: unknown[][] = [];
  const given = new NamesGiven((frame) => {
    said.push([...frame]);
    return takes;
  });
  return {
    said,
    call(method: string, key = 'lobby', hops = 0): unknown[] {
      const frame = [CALL, 1, [KIND, key, hops], method, []];
      given.abbreviate(frame, 2, `${KIND}/${key}`);
      return frame;
    },
  };
}

test('what is called often gets a number, which is told before it is used', (t) => {
  const { said, call } = calling();

  const frames = Array.from({ length: 6 }, () => call('join'));

  for (const frame of frames.slice(0, 4)) {
    t.deepEqual(frame, [CALL, 1, [KIND, 'lobby', 0], 'join', []]);
  }
  for (const frame of frames.slice(4)) t.deepEqual(frame, [CALL, 1, -1, 0, []]);
  t.deepEqual(said, [
    [ENTITY, 0, KIND, 'lobby'],
    [METHOD, 0, 'join'],
  ]);
});

test('a name whose telling is refused is written out, and told another time', (t) => {
  const { said, call } = calling(false);
  for (let uses = 0; uses < 5; uses += 1) call('join');

  const frame = call('join');

  t.deepEqual(frame, [CALL, 1, [KIND, 'lobby', 0], 'join', []]);
  t.is(said.length, 4);
});

test('a name that is used while its number is told has that number already', (t) => {
  const said: unknown[][] = [];
  const nested: unknown[][] = [];
  const abbreviated = (): unknown[] => {
    const frame = [CAST, 7, 'join', []];
    given.abbreviate(frame, 1, '');
    return frame;
  };
  const given: NamesGiven = new NamesGiven((frame) => {
    said.push([...frame]);
    nested.push(abbreviated()); // As when whoever waited for room goes on.
    return true;
  });
  for (let uses = 0; uses < 4; uses += 1) abbreviated();

  const frame = abbreviated();

  t.deepEqual(
    [frame, ...nested],
    [
      [CAST, 7, 0, []],
      [CAST, 7, 0, []],
    ],
  );
  t.deepEqual(said, [[METHOD, 0, 'join']]);
});

test('an entity that a message is passed on to is written out', (t) => {
  const { call } = calling();
  for (let uses = 0; uses < 5; uses += 1) call('join');

  t.deepEqual(call('join', 'lobby', 1), [CALL, 1, [KIND, 'lobby', 1], 0, []]);
});

test('no more names get a number than the other side takes', (t) => {
  const { said, call } = calling();

  for (let name = 0; name <= MAX; name += 1) {
    for (let uses = 0; uses < 5; uses += 1) call(`method ${name}`, `key ${name}`);
  }

  t.is(said.length, 2 * MAX);
  t.deepEqual(call(`method ${MAX}`), [CALL, 1, [KIND, 'lobby', 0], `method ${MAX}`, []]);
});

test('names that are used once each do not keep those that are used often from theirs', (t) => {
  const { said, call } = calling();

  for (let name = 0; name < 50_000; name += 1) call('join', `key ${name}`);
  for (let uses = 0; uses < 5; uses += 1) call('join', 'lobby');

  t.deepEqual(said.at(-1), [ENTITY, 0, KIND, 'lobby']);
});

const refuses = test.macro({
  title: (_, what: string) => `${what} ends the session`,
  exec(t, _: string, use: (names: NamesTaken) => unknown) {
    const names = new NamesTaken();
    names.define(new FrameReader([METHOD, 0, 'join']));
    names.define(new FrameReader([ENTITY, 0, KIND, 'lobby']));
    t.is(names.method(0), 'join');
    t.deepEqual(names.entity(-1), [KIND, 'lobby', 0]);

    t.throws(() => use(names), { instanceOf: BadFrame });
  },
});
const define =
  (...frame: readonly unknown[]) =>
  (names: NamesTaken): void =>
    names.define(new FrameReader(frame));
test(refuses, 'a number of a method that was not given', (names) => names.method(1));
test(refuses, 'a number of an entity that was not given', (names) => names.entity(-2));
test(refuses, 'a number that is given twice', define(METHOD, 0, 'leave'));
test(refuses, 'a number that is not the next', define(ENTITY, 2, KIND, 'attic'));
test(refuses, 'a name that is none', define(METHOD, 1, 7));
test(refuses, 'a name that is too long', define(METHOD, 1, 'x'.repeat(1_025)));
test(refuses, 'a kind that is too long', define(ENTITY, 1, 'x'.repeat(65), 'lobby'));
test(refuses, 'one name too many', (names) => {
  for (let number = 1; number <= MAX; number += 1) define(METHOD, number, `m${number}`)(names);
});

/** Two nodes, and on `a` a reference to a ledger of `b`, which has used its methods often. */
async function remoteLedger() {
  const nodes = testNodes();
  const [a, b] = [await nodes.node('a'), await nodes.node('b')];
  b.serve('ledger', b.system.spawn(Ledger));
  const ledger = await a.find<ActorRef<Ledger>>(b, 'ledger');
  for (let i = 0; i < 10; i += 1) await ledger.withALongNameThatNobodyWantsToWriteTwice(i);
  return { ...nodes, a, b, ledger };
}

test('a call by numbers is shorter by the names, and is the same call', async (t) => {
  const { network, ledger } = await remoteLedger();
  const before = network.carriedBytes;

  const size = await ledger.withALongNameThatNobodyWantsToWriteTwice(10);

  t.is(size, 11);
  t.true(network.carriedBytes - before < 2 * 40, `${network.carriedBytes - before} bytes`);
});

test('numbers hold over a connection that breaks', async (t) => {
  const { network, env, ledger } = await remoteLedger();
  network.cut('a', 'b');
  const call = ledger.withALongNameThatNobodyWantsToWriteTwice(10);
  ledger.tell.withALongNameThatNobodyWantsToWriteTwice(11);
  network.heal('a', 'b');
  await env.advance(2_000);

  t.is(await call, 11);
  t.is((await ledger.all()).length, 12);
});

test('a session that begins anew has no numbers yet', async (t) => {
  const { network, env, ledger } = await remoteLedger();
  network.cut('a', 'b');
  const lost = t.throwsAsync(ledger.all(), { instanceOf: Unreachable });
  await env.advance(10_000);
  await lost;
  network.heal('a', 'b');

  for (let i = 10; i < 20; i += 1) await ledger.withALongNameThatNobodyWantsToWriteTwice(i);

  t.is((await ledger.all()).length, 20);
});

test('a peer that uses a number which it never gave is hung up on', async (t) => {
  const { a, b, env } = await remoteLedger();
  const [toB] = a.endpoint.peers;
  const [toA] = b.endpoint.peers;

  toB?.notify(toB.encode([CAST, -5, 3, []]), 0);
  await env.settled();

  t.false(toA?.hasSession);
});
