import test from 'ava';
import { type Profile, suspicionMs } from '@troupe/gossip';
import { alive, Bench, failed, gossip, left, suspect } from './bench.ts';

/** A member that knows `names`, and has told what there was to tell. */
function knowing(profile: Profile, ...names: readonly string[]): Bench {
  const bench = new Bench({ profile });
  for (const name of names) bench.hear(name, gossip, alive(name));
  bench.advance(10);
  bench.taken();
  return bench;
}

function pingsIn(bench: Bench): readonly string[] {
  return bench
    .taken()
    .filter(({ packet, via }) => packet.message.kind === 'ping' && via === 'datagram')
    .map(({ to }) => to);
}

test('SWIM §3.1: one member is pinged each period', (t) => {
  const bench = knowing('swim', 'b', 'c', 'd');
  bench.isAnswered = true;

  bench.advance(10_000);

  t.is(pingsIn(bench).length, 10);
});

test('SWIM §3.1: a member that does not answer is pinged by others, and by a stream', (t) => {
  const bench = knowing('swim', 'b', 'c', 'd', 'e');

  bench.advance(1_000);

  const sent = bench.taken();
  const asked = sent.filter(({ packet }) => packet.message.kind === 'ping-request');
  t.is(asked.length, 3);
  t.false(
    asked.some(({ to, packet: { message } }) => 'address' in message && message.address === to),
  );
  t.true(sent.some(({ via, packet }) => via === 'stream' && packet.message.kind === 'ping'));
});

test('SWIM §4.2: who is silent is suspected, and has failed when the time is over', (t) => {
  const bench = knowing('swim', 'b');

  bench.advance(2_100);
  t.deepEqual(bench.kinds(), ['joined b', 'suspected b']);
  bench.advance(5_100);

  t.deepEqual(bench.kinds().slice(0, 3), ['joined b', 'suspected b', 'failed b']);
});

test('SWIM §4.2: a suspect that objects with a later incarnation is alive', (t) => {
  const bench = knowing('swim', 'b', 'c');
  bench.hear('c', gossip, suspect('b', 'c'));

  bench.hear('c', gossip, alive('b', 1));

  t.deepEqual(bench.kinds().slice(2), ['suspected b', 'refuted b']);
});

test('SWIM §4.2: who is suspected objects, with an incarnation above the accusation', (t) => {
  const bench = knowing('swim', 'b');

  bench.hear('b', gossip, suspect('a', 'b', 4));
  bench.advance(300);

  t.is(bench.gossip.self.incarnation, 5);
  t.true(bench.taken().some(({ packet }) => packet.updates.some((u) => u.incarnation === 5)));
});

test('SWIM §4.1: news rides on pings and acks, a limited number of times', (t) => {
  const bench = knowing('swim', 'b', 'c', 'd');
  bench.isAnswered = true;
  bench.hear('b', gossip, alive('e'));

  bench.advance(30_000);

  const times = bench
    .taken()
    .filter(({ packet }) => packet.updates.some(({ name }) => name === 'e')).length;
  t.is(times, 4);
  t.is(bench.gossip.untold, 0);
});

test('SWIM §4.3: everybody is pinged once before anybody is pinged twice', (t) => {
  const names = ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
  const bench = knowing('swim', ...names);
  bench.isAnswered = true;
  bench.advance(80_000);

  const pinged = pingsIn(bench);

  for (const name of names) {
    const times = pinged.flatMap((to, at) => (to === `${name}:1` ? [at] : []));
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    // At worst last in one round and first in the next, or the other way round.
    t.true(Math.max(...gaps) < 2 * names.length, `${name}: ${gaps.join()}`);
  }
});

test('Lifeguard §IV-A: a failed probe without the nacks it should bring makes patient', (t) => {
  const bench = knowing('lifeguard', 'b', 'c', 'd', 'e');

  bench.advance(2_100);

  t.is(bench.gossip.health, 3);
});

test('Lifeguard §IV-A: an answered probe makes less patient again', (t) => {
  const bench = knowing('lifeguard', 'b');
  bench.hear('b', gossip, suspect('a', 'b'));
  t.is(bench.gossip.health, 1);
  bench.isAnswered = true;

  bench.advance(10_000);

  t.is(bench.gossip.health, 0);
});

test('Lifeguard §IV-B: a suspicion lasts longest alone, and least with K confirmations', (t) => {
  const time = { minMs: 5, maxMs: 30, needed: 3 };

  const times = [0, 1, 2, 3, 4].map((confirmations) => suspicionMs(confirmations, time));

  t.deepEqual(times.map(Math.round), [30, 18, 10, 5, 5]);
});

test('Lifeguard §IV-C: a suspect is told with the ping itself that it is one', (t) => {
  const bench = knowing('lifeguard', 'b');
  bench.hear('b', gossip, suspect('b', 'c'));
  bench.advance(60_000);

  const told = bench
    .taken()
    .filter(({ packet }) => packet.message.kind === 'ping')
    .map(({ packet }) => packet.updates[0]?.kind);

  t.true(told.includes('suspect'));
});

for (const [profile, when, atMs] of [
  ['lifeguard', 'at 80 % of the time it was given', 400],
  ['memberlist', 'when its own timeout is over, as memberlist does: too late', 500],
] as const) {
  test(`a helper says no ${when}`, (t) => {
    const bench = knowing(profile, 'b', 'c');
    bench.hear('b', {
      kind: 'ping-request',
      sequence: 9,
      target: 'c',
      address: 'c:1',
      generation: 100,
      deadlineMs: 500,
      verify: false,
    });
    const nacks = (): number =>
      bench.taken().filter(({ packet }) => packet.message.kind === 'nack').length;

    bench.advance(atMs - 1);
    t.is(nacks(), 0);
    bench.advance(1);

    t.is(nacks(), 1);
  });
}

for (const [title, updates, state] of [
  ['alive news of the same moment changes nothing', [failed('b', 'c'), alive('b', 0)], 'failed'],
  ['a later word revives one that failed', [failed('b', 'c'), alive('b', 1)], 'alive'],
  [
    'an accusation raises what is stored',
    [failed('b', 'c'), failed('b', 'c', 9), alive('b', 2)],
    'failed',
  ],
  ['who has left stays away', [left('b'), alive('b', 7)], 'left'],
  ['who has left comes back as another generation', [left('b'), alive('b', 0, 101)], 'alive'],
  [
    'a suspicion of an earlier word changes nothing',
    [alive('b', 2), suspect('b', 'c', 1)],
    'alive',
  ],
  ['one that failed is not suspected', [failed('b', 'c'), suspect('b', 'c')], 'failed'],
  ['an old generation changes nothing', [alive('b', 0, 101), failed('b', 'c', 50)], 'alive'],
] as const) {
  test(`order: ${title}`, (t) => {
    const bench = knowing('swim', 'b', 'c');

    for (const update of updates) bench.hear('c', gossip, update);

    t.is(bench.gossip.get('b')?.state, state);
  });
}
