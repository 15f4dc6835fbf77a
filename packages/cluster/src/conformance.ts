import assert from 'node:assert/strict';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import type { ClusterEvent } from './cluster-event.ts';
import { MemoryNet } from './conformance-net.ts';
import { NameTaken } from './errors.ts';
import type { Member, MemberEvent, MemberMeta } from './member.ts';
import type { Membership } from './membership.ts';

export interface MembershipUnderTest {
  /** A membership that has not been started, and is to find others at `seeds`. */
  create(seeds: readonly string[]): Membership;
  /** How long it may take until a member that falls silent is down, in milliseconds. */
  readonly patienceMs: number;
}

export interface MembershipCase {
  /** A claim that holds for every membership that guarantees what the case needs. */
  readonly name: string;
  readonly needs?: keyof typeof REASONS;
  /** @throws {AssertionError} when it does not hold */
  run(make: () => MembershipUnderTest): Promise<void>;
}

const REASONS = {
  probed: 'members are taken at their word, and nobody watches them',
  heals: 'the two sides of a partition do not find together by themselves',
} as const;

/** @returns why `membership` need not hold the case; undefined: it must */
export function reasonToSkip(
  { needs }: MembershipCase,
  { guarantees }: Membership,
): string | undefined {
  if (needs === 'probed' && guarantees.liveness !== 'probed') return REASONS.probed;
  if (needs === 'heals' && !guarantees.heals) return REASONS.heals;
  return undefined;
}

/** Members of one case, in memory and in virtual time. */
class World {
  readonly env: VirtualEnv = virtualEnv();
  readonly net: MemoryNet = new MemoryNet(this.env);
  readonly patienceMs: number;
  readonly #subject: MembershipUnderTest;

  constructor(subject: MembershipUnderTest) {
    this.#subject = subject;
    this.patienceMs = subject.patienceMs;
  }

  async start(self: Member, seeds?: readonly string[]): Promise<Membership> {
    const starting = this.begin(self, seeds);
    await this.env.settled();
    return starting;
  }

  /** Starts a membership that may take a while. */
  async begin(self: Member, seeds: readonly string[] = ['a:1']): Promise<Membership> {
    const membership = this.#subject.create(seeds);
    const net = this.net.at(self.address);
    await membership.start(self, { env: this.env, net, secret: 'a secret of tests' });
    return membership;
  }

  async members<N extends readonly string[]>(
    ...names: N
  ): Promise<{ readonly [name in keyof N]: Membership }> {
    const members: Membership[] = [];
    for (const name of names) members.push(await this.start(memberOf(name)));
    await this.env.advance(SPREAD_MS);
    return members as { [name in keyof N]: Membership };
  }
}

/** For news to be with everybody. */
const SPREAD_MS = 3_000;

function memberOf(name: string, incarnation = '1', host = name): Member {
  return { name, incarnation, address: `${host}:1`, state: 'alive', meta: { kinds: [] } };
}

function statesAt(membership: Membership): Record<string, string> {
  return Object.fromEntries(membership.view().members.map(({ name, state }) => [name, state]));
}

function find(membership: Membership, name: string): Member | undefined {
  return membership.view().members.find((member) => member.name === name);
}

function eventsAt(membership: Membership): ClusterEvent[] {
  const events: ClusterEvent[] = [];
  membership.observe((event) => events.push(event));
  return events;
}

function wordsOf(events: readonly ClusterEvent[], name: string): readonly string[] {
  return events.flatMap((event) =>
    'member' in event && event.member.name === name ? [event.kind] : [],
  );
}

async function take(
  events: AsyncIterator<MemberEvent>,
  count: number,
): Promise<readonly MemberEvent[]> {
  const taken: MemberEvent[] = [];
  while (taken.length < count) {
    const result = await events.next();
    if (result.done === true) break;
    taken.push(result.value);
  }
  return taken;
}

type Claim = (world: World) => Promise<void>;

function claim(name: string, holds: Claim, needs?: MembershipCase['needs']): MembershipCase {
  return {
    name,
    run: (make) => holds(new World(make())),
    ...(needs !== undefined && { needs }),
  };
}

const views: readonly MembershipCase[] = [
  claim('a member alone sees itself, and nobody else', async (world) => {
    const a = await world.start(memberOf('a'), []);
    await world.env.advance(10_000);
    assert.deepEqual(statesAt(a), { a: 'alive' });
    assert.equal(a.view().self.name, 'a');
  }),
  claim('members that know one seed come to know each other', async (world) => {
    for (const each of await world.members('a', 'b', 'c')) {
      assert.deepEqual(statesAt(each), { a: 'alive', b: 'alive', c: 'alive' });
    }
  }),
  claim('a seed that comes up later is found', async (world) => {
    const b = await world.start(memberOf('b'));
    await world.env.advance(5_000);
    await world.start(memberOf('a'), []);
    await world.env.advance(15_000);
    assert.deepEqual(statesAt(b), { a: 'alive', b: 'alive' });
  }),
  claim('what a member says of itself reaches the others', async (world) => {
    const [a, b] = await world.members('a', 'b');
    const events = eventsAt(a);
    const meta: MemberMeta = { kinds: ['room', 'board'], roles: ['front'] };
    b.setMeta(meta);
    await world.env.advance(SPREAD_MS);
    assert.deepEqual(find(a, 'b')?.meta, meta);
    assert.deepEqual(b.view().self.meta, meta);
    assert.deepEqual(wordsOf(events, 'b'), ['changed']);
  }),
  claim('a view is never changed, only replaced by one of a later version', async (world) => {
    const a = await world.start(memberOf('a'), []);
    const before = a.view();
    await world.start(memberOf('b'));
    await world.env.advance(SPREAD_MS);
    assert.deepEqual(before.members.length, 1);
    assert.ok(a.view().version > before.version);
  }),
];

const watching: readonly MembershipCase[] = [
  claim(
    'who watches is told of the present members first, versions never falling',
    async (world) => {
      const [a] = await world.members('a', 'b');
      const events = a.watch(new AbortController().signal)[Symbol.asyncIterator]();
      const present = await take(events, 2);
      await world.start(memberOf('c'));
      await world.env.advance(SPREAD_MS);
      const [joined] = await take(events, 1);
      assert.deepEqual(
        present.map(({ kind, member }) => `${kind} ${member.name}`),
        ['up a', 'up b'],
      );
      assert.equal(joined?.member.name, 'c');
      assert.ok((joined?.version ?? 0) > (present[1]?.version ?? 0));
    },
  ),
  claim('who reads late is told the latest state of each member', async (world) => {
    const a = await world.start(memberOf('a'), []);
    const events = a.watch(new AbortController().signal)[Symbol.asyncIterator]();
    await take(events, 1);
    const b = await world.start(memberOf('b'));
    await world.env.advance(SPREAD_MS);
    b.setMeta({ kinds: ['room'] });
    await world.env.advance(SPREAD_MS);
    const [event] = await take(events, 1);
    assert.equal(event?.kind, 'up');
    assert.deepEqual(event.member.meta.kinds, ['room']);
  }),
  claim('a watch ends when its signal aborts', async (world) => {
    const a = await world.start(memberOf('a'), []);
    const ending = new AbortController();
    const events = a.watch(ending.signal)[Symbol.asyncIterator]();
    await take(events, 1);
    const rest = take(events, 1);
    ending.abort();
    assert.deepEqual(await rest, []);
  }),
  claim('observers are told of joining and leaving until they stop', async (world) => {
    const a = await world.start(memberOf('a'), []);
    const events: ClusterEvent[] = [];
    const stop = a.observe((event) => events.push(event));
    const b = await world.start(memberOf('b'));
    await world.env.advance(SPREAD_MS);
    await b.leave({ timeoutMs: 1_000 });
    await world.env.advance(SPREAD_MS);
    stop();
    await world.start(memberOf('c'));
    await world.env.advance(SPREAD_MS);
    assert.deepEqual(wordsOf(events, 'b'), ['joined', 'left']);
    assert.deepEqual(wordsOf(events, 'c'), []);
  }),
];

const ends: readonly MembershipCase[] = [
  claim('who leaves is known to have left by all, without suspicion', async (world) => {
    const [a, b, c] = await world.members('a', 'b', 'c');
    const events = eventsAt(a);
    const leaving = b.leave({ timeoutMs: 1_000 });
    await world.env.advance(SPREAD_MS);
    await leaving;
    for (const each of [a, c]) assert.equal(find(each, 'b')?.state, 'left');
    assert.deepEqual(wordsOf(events, 'b'), ['left']);
  }),
  claim('leaving takes no longer than it may, whoever does not answer', async (world) => {
    const [, b] = await world.members('a', 'b');
    world.net.frozen.add('a:1');
    let hasLeft = false;
    const leaving = b.leave({ timeoutMs: 500 }).then(() => (hasLeft = true));
    await world.env.advance(600);
    assert.ok(hasLeft);
    await leaving;
  }),
  claim(
    'a member that falls silent is suspected, and then down',
    async (world) => {
      const [a] = await world.members('a', 'b', 'c');
      const events = eventsAt(a);
      world.net.frozen.add('b:1');
      await world.env.advance(world.patienceMs);
      assert.deepEqual(statesAt(a), { a: 'alive', b: 'down', c: 'alive' });
      assert.deepEqual(wordsOf(events, 'b'), ['suspected', 'failed']);
    },
    'probed',
  ),
  claim(
    'a member whose connection broke and whose address refuses is down within a second',
    async (world) => {
      const [a, b] = await world.members('a', 'b', 'c');
      const { self } = b.view();
      await b.stop();
      world.net.end('b:1');
      a.report({ peer: self, event: 'reset' });
      a.report({ peer: self, event: 'refused' });
      await world.env.advance(1_000);
      assert.equal(find(a, 'b')?.state, 'down');
    },
    'probed',
  ),
  claim(
    'a member that is well is not given up because a connection to it broke',
    async (world) => {
      const [a, b] = await world.members('a', 'b', 'c');
      a.report({ peer: b.view().self, event: 'reset' });
      a.report({ peer: b.view().self, event: 'refused' });
      await world.env.advance(world.patienceMs);
      assert.equal(find(a, 'b')?.state, 'alive');
    },
    'probed',
  ),
  claim('what is reported of an earlier life of a member counts for nothing', async (world) => {
    const [a] = await world.members('a', 'b');
    const events = eventsAt(a);
    a.report({ peer: memberOf('b', '0'), event: 'refused' });
    a.report({ peer: memberOf('stranger'), event: 'reset' });
    await world.env.advance(SPREAD_MS);
    assert.deepEqual(statesAt(a), { a: 'alive', b: 'alive' });
    assert.deepEqual(wordsOf(events, 'b'), []);
  }),
  claim(
    'a partition heals by itself',
    async (world) => {
      const [a, b] = await world.members('a', 'b', 'c');
      world.net.frozen.add('b:1');
      await world.env.advance(60_000);
      world.net.frozen.delete('b:1');
      await world.env.advance(60_000);
      for (const each of [a, b]) {
        assert.deepEqual(statesAt(each), { a: 'alive', b: 'alive', c: 'alive' });
      }
    },
    'heals',
  ),
];

const names: readonly MembershipCase[] = [
  claim('a node that starts anew at its address takes its name over', async (world) => {
    const [a, b] = await world.members('a', 'b');
    const seen: string[] = [];
    a.observe((event) => {
      if ('member' in event) seen.push(`${event.kind} ${event.member.incarnation}`);
    });
    await b.stop();
    world.net.end('b:1');
    await world.env.advance(10);
    await world.start(memberOf('b', '2'));
    await world.env.advance(SPREAD_MS);
    assert.equal(find(a, 'b')?.incarnation, '2');
    assert.deepEqual(statesAt(a), { a: 'alive', b: 'alive' });
    assert.deepEqual(seen.slice(-2), ['failed 1', 'joined 2']);
  }),
  claim('a second node of the same name is refused', async (world) => {
    const [a] = await world.members('a', 'b');
    for (const name of ['a', 'b']) {
      const second = world.start(memberOf(name, '2', 'elsewhere'));
      await assert.rejects(second, (error) => error instanceof NameTaken);
    }
    assert.deepEqual(statesAt(a), { a: 'alive', b: 'alive' });
    assert.equal(find(a, 'b')?.incarnation, '1');
  }),
  claim(
    'a node that starts anew elsewhere, before it was missed, has its name in a while',
    async (world) => {
      const [a, b] = await world.members('a', 'b', 'c', 'd');
      await b.stop();
      world.net.end('b:1');
      const next = world.begin(memberOf('b', '2', 'elsewhere'));
      await world.env.advance(world.patienceMs);
      await next;
      await world.env.advance(SPREAD_MS);
      assert.equal(find(a, 'b')?.address, 'elsewhere:1');
      assert.deepEqual(statesAt(a), { a: 'alive', b: 'alive', c: 'alive', d: 'alive' });
    },
    'probed',
  ),
  claim('a holder that stands still for a moment keeps its name', async (world) => {
    const [a, b] = await world.members('a', 'b', 'c', 'd');
    const events = eventsAt(a);
    world.net.frozen.add('b:1');
    const second = world.begin(memberOf('b', '2', 'elsewhere'));
    const refused = assert.rejects(second, (error) => error instanceof NameTaken);
    await world.env.advance(1_500);
    world.net.frozen.delete('b:1');
    await world.env.advance(world.patienceMs);
    await refused;
    assert.equal(find(a, 'b')?.incarnation, '1');
    assert.equal(b.view().self.state, 'alive');
    assert.ok(!wordsOf(events, 'b').includes('failed'));
  }),
  claim('whether a name is taken is known in ten seconds, whoever is silent', async (world) => {
    await world.members('a', 'b', 'c', 'd');
    world.net.isCut = (from, to) => from === 'elsewhere:1' && to === 'b:1';
    world.net.frozen.add('silent:1');
    const second = world.begin(memberOf('b', '2', 'elsewhere'), ['silent:1', 'a:1']);
    const refused = assert.rejects(second, (error) => error instanceof NameTaken);
    let isKnown = false;
    void refused.then(() => (isKnown = true));
    await world.env.advance(10_000);
    assert.ok(isKnown);
    await refused;
  }),
];

const bounds: readonly MembershipCase[] = [
  claim('an exchange that makes no sense is refused, and nothing comes of it', async (world) => {
    const [a] = await world.members('a', 'b');
    const answer = world.net.answers.get('a:1');
    for (const payload of [undefined, 'hello', 7, [], { from: 1 }, { from: {}, members: [] }]) {
      await assert.rejects(async () => answer?.(payload), TypeError);
    }
    assert.deepEqual(statesAt(a), { a: 'alive', b: 'alive' });
  }),
  claim('nothing is left running when members stop, and their views can be read', async (world) => {
    const members = await world.members('a', 'b', 'c');
    for (const each of members) await each.stop();
    await world.env.advance(60_000);
    assert.equal(world.env.timers, 0);
    assert.equal(members[0].view().members.length, 3);
  }),
  claim('a member alone that nobody can reach keeps no timer', async (world) => {
    await world.start({ ...memberOf('a'), address: '' }, []);
    assert.equal(world.env.timers, 0);
  }),
];

/** What holds for every `Membership`. No test runner is needed: a case that fails throws. */
export const membershipConformance: { readonly cases: readonly MembershipCase[] } = {
  cases: [...views, ...watching, ...ends, ...names, ...bounds],
};
