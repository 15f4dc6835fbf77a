import test from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import {
  type Command,
  type ConsensusEvent,
  Engine,
  MemoryStore,
  type StateMachine,
} from '@troupe/consensus';
import { add, Adder } from '@troupe/consensus/conformance';

test('a node by itself is a group of one, with no configuration', async (t) => {
  await using engine = new Engine();
  const group = await engine.open({ group: 'sums', machine: new Adder() });

  const first = await group.propose(add(2));
  const second = await group.propose(add(3));

  t.is(first.result, 2);
  t.is(second.result, 5);
  t.true(second.index > first.index);
  t.like(group.status(), { role: 'leader', leader: 'local', applied: second.index, waiting: 0 });
  t.deepEqual(group.members().voters, ['local']);
});

test('proposals of one turn are applied in the order they were made', async (t) => {
  await using engine = new Engine();
  const machine = new Adder();
  const group = await engine.open({ group: 'sums', machine });
  const values = Array.from({ length: 5_000 }, (_, i) => i);

  await Promise.all(values.map((value) => group.propose(add(value))));

  t.deepEqual(machine.seen, values);
});

test('a read resolves when this node has applied all that was answered before', async (t) => {
  await using engine = new Engine();
  const machine = new Adder();
  const group = await engine.open({ group: 'sums', machine });
  const { index } = await group.propose(add(7));

  for (const consistency of ['linearizable', 'lease', 'stale'] as const) {
    const point = await group.read({ consistency });

    t.true(point.index >= index, consistency);
    t.is(machine.sum, 7);
  }
});

test('a node that starts again has everything, from a snapshot and the log after it', async (t) => {
  const store = new MemoryStore();
  const before = new Engine({ store });
  const old = await before.open({ group: 'sums', machine: new Adder(), keepEntries: 1 });
  for (const value of [1, 2, 3]) await old.propose(add(value));
  const snapshot = await old.snapshot();
  await old.propose(add(4));
  await before.stop();
  const machine = new Adder();

  await using engine = new Engine({ store });
  const group = await engine.open({ group: 'sums', machine });
  await group.read();

  t.deepEqual(machine.seen, [1, 2, 3, 4]);
  t.is(group.status().first, snapshot.index);
  t.like(await group.propose(add(5)), { result: 15 });
});

test('the log is shortened by itself when it has become long', async (t) => {
  await using engine = new Engine();
  const limits = { snapshotEntries: 100, keepEntries: 10 };
  const group = await engine.open({ group: 'sums', machine: new Adder(), ...limits });
  for (let i = 0; i < 1_000; i += 1) await group.propose(add(i));

  const { first, last } = group.status();

  t.true(last - first < 200, `${first} … ${last}`);
});

test('many groups live on one node, each with its own log', async (t) => {
  await using engine = new Engine();
  const names = Array.from({ length: 100 }, (_, i) => `g${i}`);
  const groups = await Promise.all(
    names.map((group) => engine.open({ group, machine: new Adder() })),
  );

  const sums = await Promise.all(groups.map((group, i) => group.propose(add(i))));

  t.deepEqual(
    sums.map(({ result }) => result),
    names.map((_, i) => i),
  );
});

test('a group is open on a node once, also while it is being opened', async (t) => {
  await using engine = new Engine();
  const open = (): Promise<unknown> => engine.open({ group: 'g', machine: new Adder() });
  const refusal = {
    code: 'ERR_GROUP_ALREADY_OPEN',
    message: /group g is open on this node already/,
  };

  const first = open();
  const second = t.throwsAsync(open(), refusal);

  await t.notThrowsAsync(first);
  t.like(await second, { executed: 'no' });
  await t.throwsAsync(open(), refusal);
});

test('a group that could not be opened may be opened anew', async (t) => {
  await using engine = new Engine();
  const voters = [''];

  await t.throwsAsync(engine.open({ group: 'g', machine: new Adder(), voters }));

  await t.notThrowsAsync(engine.open({ group: 'g', machine: new Adder() }));
});

test('a node that stops opens nothing any more, and not what it was about to', async (t) => {
  const engine = new Engine();
  const open = (): Promise<unknown> => engine.open({ group: 'g', machine: new Adder() });
  const opening = t.throwsAsync(open());

  await engine.stop();

  t.like(await opening, { code: 'ERR_GROUP_CLOSED', executed: 'no' });
  t.like(await t.throwsAsync(open()), { code: 'ERR_GROUP_CLOSED', executed: 'no' });
  t.deepEqual(engine.groups, []);
});

test('a proposal without a leader ends at its deadline, and was certainly not applied', async (t) => {
  const env = virtualEnv();
  await using engine = new Engine({ env, node: 'a' });
  const group = await engine.open({ group: 'g', machine: new Adder(), voters: ['a', 'b', 'c'] });
  const settled = t.throwsAsync(group.propose(add(1), { timeoutMs: 500 }));

  await env.advance(600);

  t.like(await settled, { code: 'ERR_DEADLINE_EXCEEDED', executed: 'no', timeoutMs: 500 });
  t.is(group.status().waiting, 0);
});

test('a read without a leader ends at its deadline', async (t) => {
  const env = virtualEnv();
  await using engine = new Engine({ env, node: 'a' });
  const group = await engine.open({ group: 'g', machine: new Adder(), voters: ['a', 'b', 'c'] });
  const settled = t.throwsAsync(group.read({ timeoutMs: 500 }));

  await env.advance(600);

  t.like(await settled, { code: 'ERR_DEADLINE_EXCEEDED', executed: 'no' });
  t.is(group.status().waiting, 0);
});

test('who does not want to be passed on is told at once who leads', async (t) => {
  await using engine = new Engine({ node: 'a' });
  const group = await engine.open({ group: 'g', machine: new Adder(), voters: ['a', 'b', 'c'] });

  const error = await t.throwsAsync(group.propose(add(1), { forward: false }));

  t.like(error, { code: 'ERR_NOT_LEADER', executed: 'no', leader: undefined });
});

test('an aborted proposal that nobody has taken was certainly not applied', async (t) => {
  await using engine = new Engine({ node: 'a' });
  const group = await engine.open({ group: 'g', machine: new Adder(), voters: ['a', 'b', 'c'] });
  const controller = new AbortController();
  const proposing = group.propose(add(1), { signal: controller.signal });

  controller.abort(new Error('changed my mind'));

  const error = await t.throwsAsync(proposing);
  t.like(error, { code: 'ERR_CANCELLED', executed: 'no' });
  t.like(error?.cause, { message: 'changed my mind' });
});

test('proposals beyond the limit are refused at once, and say the limit', async (t) => {
  await using engine = new Engine({ node: 'a' });
  const options = { group: 'g', machine: new Adder(), proposalsMax: 2, commandBytesMax: 8 };
  const group = await engine.open({ ...options, voters: ['a', 'b', 'c'] });
  const waiting = [1, 2].map((value) => t.throwsAsync(group.propose(add(value))));

  const refused = await t.throwsAsync(group.propose(add(3)));
  const tooLong = await t.throwsAsync(group.propose(new Uint8Array(9)));

  t.like(refused, { code: 'ERR_OVERLOADED', executed: 'no', limit: 2 });
  t.like(tooLong, { code: 'ERR_COMMAND_TOO_LARGE', size: 9, limit: 8 });
  await group.stop();
  for (const error of await Promise.all(waiting)) {
    t.like(error, { code: 'ERR_GROUP_CLOSED', executed: 'no' });
  }
});

test('a state machine that throws ends the group on this node, and everybody learns why', async (t) => {
  const env = virtualEnv();
  await using engine = new Engine({ env });
  const group = await engine.open({ group: 'g', machine: new Adder().failOn(13) });
  const events: ConsensusEvent[] = [];
  const reading = (async () => {
    for await (const event of group.events(new AbortController().signal)) events.push(event);
  })();

  const proposing = t.throwsAsync(group.propose(add(13)));
  await env.settled();

  const error = await proposing;
  t.like(error, { code: 'ERR_GROUP_CLOSED', executed: 'unknown' });
  t.like(error?.cause, { message: 'cannot add 13' });
  await reading;
  t.like(events.at(-1), { kind: 'fatal', error: { message: 'cannot add 13' } });
  t.like(await t.throwsAsync(group.read()), { code: 'ERR_GROUP_CLOSED', executed: 'no' });
  t.like(env.logged, [{ level: 'error', message: 'a group has failed on this node' }]);
});

test('a snapshot that waits for a busy state machine ends with the group', async (t) => {
  const env = virtualEnv();
  const engine = new Engine({ env });
  let finish = (): void => {};
  const machine: StateMachine = {
    version: 1,
    apply: (batch) => new Promise((resolve) => (finish = () => resolve(batch))),
    snapshot: () => ({ chunks: () => [] }),
    restore: () => Promise.resolve(),
  };
  const group = await engine.open({ group: 'g', machine });
  const proposing = t.throwsAsync(group.propose(add(1)));
  await env.settled();
  const making = t.throwsAsync(group.snapshot());

  await engine.stop();
  finish();

  t.like(await making, { code: 'ERR_GROUP_CLOSED', executed: 'no' });
  t.like(await proposing, { code: 'ERR_GROUP_CLOSED', executed: 'unknown' });
});

test('events tell who leads and who takes part, and end with the signal', async (t) => {
  await using engine = new Engine({ tickMs: 10_000 }); // Nothing is late on a slow machine.
  const group = await engine.open({ group: 'g', machine: new Adder() });
  await group.propose(add(1));
  const controller = new AbortController();
  const events: ConsensusEvent[] = [];

  for await (const event of group.events(controller.signal)) {
    events.push(event);
    if (event.kind === 'snapshot') controller.abort();
    else if (events.length === 2) await group.snapshot();
  }

  t.like(events, [
    { kind: 'leader', leader: 'local' },
    { kind: 'members', members: { voters: ['local'], isChanging: false } },
    { kind: 'snapshot', origin: 'made', snapshot: { epoch: 1 } },
  ]);
});

test('a change that makes no sense is refused, and says why', async (t) => {
  await using engine = new Engine();
  const group = await engine.open({ group: 'g', machine: new Adder() });
  await group.propose(add(1));

  const nobody = await t.throwsAsync(group.changeMembers([{ remove: 'local' }]));
  const heir = await t.throwsAsync(group.transferLeadership('local'));

  t.like(nobody, { code: 'ERR_CHANGE_REFUSED', executed: 'no', reason: 'invalid' });
  t.like(heir, { code: 'ERR_CHANGE_REFUSED', executed: 'no', reason: 'invalid' });
});

test('a learner is added, and a change resolves with the members that it made', async (t) => {
  await using engine = new Engine();
  const group = await engine.open({ group: 'g', machine: new Adder() });

  const members = await group.changeMembers([{ add: 'b', as: 'learner' }]);

  t.deepEqual(members, {
    voters: ['local'],
    learners: ['b'],
    witnesses: [],
    isChanging: false,
  });
});

test('a node that falls behind is reported once, and again when it has caught up', async (t) => {
  const env = virtualEnv();
  await using engine = new Engine({ env });
  const machine = new Adder();
  let goOn = (): void => {};
  const slow = {
    version: 1,
    apply: async (batch: readonly Command[]) => {
      await new Promise<void>((resolve) => (goOn = resolve));
      return machine.apply(batch);
    },
    snapshot: () => machine.snapshot(),
    restore: (chunks: AsyncIterable<Uint8Array>) => machine.restore(chunks),
  };
  const group = await engine.open({ group: 'g', machine: slow, lagEntries: 100 });
  const events: ConsensusEvent[] = [];
  void (async () => {
    for await (const event of group.events(new AbortController().signal)) events.push(event);
  })();
  const first = group.propose(add(1));
  await env.settled();
  const proposing = Promise.all(Array.from({ length: 150 }, () => group.propose(add(1))));
  await env.advance(100);

  goOn();
  await first;
  await env.settled();
  goOn();
  await proposing;
  await env.advance(100);

  t.like(
    events.filter(({ kind }) => kind === 'lag'),
    [{ node: 'local' }, { node: 'local', behind: 0 }],
  );
});
