import test from 'ava';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import {
  type Member,
  type MemberEvent,
  type Membership,
  NameTaken,
  staticMembers,
} from '@troupe/cluster';
import { MemoryNet } from '../dist/conformance-net.js';

function member(name: string, incarnation = '1', port = name): Member {
  return { name, incarnation, address: `${port}:1`, state: 'alive', meta: { kinds: [] } };
}

interface Started {
  readonly membership: Membership;
  readonly self: Member;
}

async function start(world: World, self: Member, seeds: readonly string[]): Promise<Started> {
  const membership = staticMembers({ seeds });
  await membership.start(self, { env: world.env, net: world.net.at(self.address) });
  return { membership, self };
}

interface World {
  readonly env: VirtualEnv;
  readonly net: MemoryNet;
}

function world(): World {
  const env = virtualEnv();
  return { env, net: new MemoryNet(env) };
}

function states(of: Membership): Record<string, string> {
  return Object.fromEntries(of.view().members.map(({ name, state }) => [name, state]));
}

test('nodes that know one seed come to know each other', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const b = await start(w, member('b'), ['a:1']);
  const c = await start(w, member('c'), ['a:1']);

  await w.env.advance(2_500);

  for (const { membership } of [a, b, c]) {
    t.deepEqual(states(membership), { a: 'alive', b: 'alive', c: 'alive' });
  }
});

test('a seed that comes up later is found, and the log has told once that it was missing', async (t) => {
  const w = world();
  const b = await start(w, member('b'), ['a:1']);
  await w.env.advance(5_000);
  await start(w, member('a'), []);

  await w.env.advance(2_500);

  t.deepEqual(states(b.membership), { a: 'alive', b: 'alive' });
  t.is(w.env.logged.filter(({ message }) => message.startsWith('no answer from a seed')).length, 1);
});

test('a silent member is suspected, then down', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  await start(w, member('b'), ['a:1']);
  await w.env.advance(2_000);
  w.net.frozen.add('b:1');

  await w.env.advance(4_000);
  t.is(states(a.membership)['b'], 'suspect');
  await w.env.advance(4_000);

  t.is(states(a.membership)['b'], 'down');
});

test('a member whose connection was reset and whose address refuses is down within a second', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const b = await start(w, member('b'), ['a:1']);
  await w.env.advance(2_000);
  await b.membership.stop();
  w.net.answers.delete('b:1');

  a.membership.report({ peer: b.self, event: 'reset' });
  a.membership.report({ peer: b.self, event: 'refused' });
  t.is(states(a.membership)['b'], 'suspect');
  await w.env.advance(1_000);

  t.is(states(a.membership)['b'], 'down');
});

test('a suspect that answers is alive again', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const b = await start(w, member('b'), ['a:1']);
  await w.env.advance(2_000);

  a.membership.report({ peer: b.self, event: 'reset' });
  t.is(states(a.membership)['b'], 'suspect');
  await w.env.advance(100);

  t.is(states(a.membership)['b'], 'alive');
});

test('a partition heals by itself', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const b = await start(w, member('b'), ['a:1']);
  await w.env.advance(2_000);
  w.net.frozen.add('b:1');
  await w.env.advance(10_000);
  t.is(states(a.membership)['b'], 'down');

  w.net.frozen.delete('b:1');
  await w.env.advance(5_000);

  t.is(states(a.membership)['b'], 'alive');
  t.is(states(b.membership)['a'], 'alive');
});

test('who leaves is known to have left, without suspicion', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const b = await start(w, member('b'), ['a:1']);
  await w.env.advance(2_000);

  await b.membership.leave({ timeoutMs: 1_000 });

  t.is(states(a.membership)['b'], 'left');
});

test('a restarted node takes the place of its earlier incarnation', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const b = await start(w, member('b'), ['a:1']);
  await w.env.advance(2_000);
  await b.membership.stop();
  a.membership.report({ peer: b.self, event: 'reset' });
  w.net.answers.delete('b:1');
  const seen: string[] = [];
  const watching = new AbortController();
  const watcher = (async () => {
    for await (const { kind, member: m } of a.membership.watch(watching.signal)) {
      seen.push(`${m.name}@${m.incarnation} ${kind}`);
    }
  })();
  await w.env.settled();

  await start(w, member('b', '2'), ['a:1']);
  await w.env.settled();
  watching.abort();
  await watcher;

  t.deepEqual(seen, ['a@1 up', 'b@1 suspect', 'b@1 down', 'b@2 up']);
  t.is(a.membership.view().members.find(({ name }) => name === 'b')?.incarnation, '2');
});

test('a node that starts anew at its old address takes its name over at once', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  await start(w, member('b', '1'), ['a:1']);

  await start(w, member('b', '2'), ['a:1']); // Nobody has noticed yet that the first is gone.

  t.is(a.membership.view().members.find(({ name }) => name === 'b')?.incarnation, '2');
  t.deepEqual(states(a.membership), { a: 'alive', b: 'alive' });
});

test('a second node of the same name is refused, and told what to do', async (t) => {
  const w = world();
  await start(w, member('a'), []);
  await start(w, member('b'), ['a:1']);

  const error = await t.throwsAsync(start(w, member('b', '2', 'other'), ['a:1']), {
    instanceOf: NameTaken,
  });

  t.regex(error?.message ?? '', /'b' is in the cluster already, at b:1.*another name/);
});

test('a node that starts anew elsewhere has its name once its address was seen to refuse', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const b = await start(w, member('b'), ['a:1']);
  await w.env.advance(2_000);
  await b.membership.stop();
  w.net.end('b:1');

  const next = start(w, member('b', '2', 'other'), ['a:1']);
  await w.env.advance(2_000); // Whom nobody asks for is suspected after 2.5 s of silence.

  await t.notThrowsAsync(next);
  t.is(a.membership.view().members.find(({ name }) => name === 'b')?.address, 'other:1');
});

test('a suspect keeps its name until it is given up', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const b = await start(w, member('b'), ['a:1']);
  await w.env.advance(2_000);
  w.net.frozen.add('b:1');
  await w.env.advance(4_000);
  t.is(states(a.membership)['b'], 'suspect');

  const next = start(w, member('b', '2', 'other'), ['a:1']);
  const refused = t.throwsAsync(next, { instanceOf: NameTaken, message: /already, at b:1: give/ });
  await w.env.advance(200);
  w.net.frozen.delete('b:1');
  await w.env.advance(10_000);

  await refused;
  t.is(
    a.membership.view().members.find(({ name }) => name === 'b')?.incarnation,
    b.self.incarnation,
  );
});

test('who is said to have the name is asked once a round, whatever it answers', async (t) => {
  const w = world();
  let asked = 0;
  w.net.answers.set('x:1', () => ({ nameTakenBy: 'y:1' }));
  w.net.answers.set('y:1', () => {
    asked += 1;
    return { nameTakenBy: 'x:1' };
  });

  const refused = t.throwsAsync(start(w, member('b'), ['x:1']), { instanceOf: NameTaken });
  await w.env.advance(10_000);

  await refused;
  t.true(asked >= 5 && asked <= 12, `asked ${asked} times`);
});

test('a name that has moved on is told of once in ten seconds, however often it is refused', async (t) => {
  const w = world();
  await start(w, member('a'), ['x:1']);
  w.net.answers.set('x:1', () => ({ nameTakenBy: 'x:1' }));

  await w.env.advance(25_000);

  const lines = w.env.logged.filter(({ message }) => /has taken the name/.test(message));
  t.is(lines.length, 3);
  t.true(lines.slice(1).every(({ fields }) => Number(fields['unlogged']) > 5));
});

test('a watcher that reads late sees the latest state of each member, versions increasing', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const watching = new AbortController();
  const events: MemberEvent[] = [];
  const iterator = a.membership.watch(watching.signal)[Symbol.asyncIterator]();
  events.push((await iterator.next()).value as MemberEvent);
  const b = await start(w, member('b'), ['a:1']);
  await w.env.advance(2_000);
  b.membership.setMeta({ kinds: ['room'] });
  await w.env.advance(2_000);

  events.push((await iterator.next()).value as MemberEvent);

  t.like(events[1], { kind: 'up', member: { name: 'b', meta: { kinds: ['room'] } } });
  t.true((events[1]?.version ?? 0) > (events[0]?.version ?? 0));
});

for (const payload of [undefined, 'hello', { from: 1, members: [] }, { from: {}, members: [] }]) {
  test(`an exchange that is no heartbeat is refused: ${JSON.stringify(payload)}`, async (t) => {
    const w = world();
    await start(w, member('a'), []);

    t.throws(() => w.net.answers.get('a:1')?.(payload), { instanceOf: TypeError });
  });
}

test('a silent member whose address refuses is given up sooner, whoever had connected to whom', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const b = await start(w, member('b'), ['a:1']);

  await b.membership.stop();
  w.net.answers.delete('b:1');
  await w.env.advance(4_500); // Suspected after 2.5 s and a round; given up 0.5 s later, not 2.5 s.

  t.deepEqual(states(a.membership), { a: 'alive', b: 'down' });
});

test('nothing is left running when a node stops', async (t) => {
  const w = world();
  const a = await start(w, member('a'), []);
  const b = await start(w, member('b'), ['a:1']);
  await w.env.advance(2_000);

  await a.membership.stop();
  await b.membership.stop();
  await w.env.advance(10_000);

  t.is(w.env.timers, 0);
});
