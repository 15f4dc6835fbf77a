import test from 'ava';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import {
  type ClusterEvent,
  gossip,
  type GossipMembership,
  type GossipOptions,
  Keyring,
  type Member,
  type Membership,
  MetadataTooLarge,
  NameTaken,
} from '@troupe/cluster';
import { type Alive, encodePacket } from '@troupe/gossip';
import { HandshakeRefused } from '@troupe/remote';
import { MemoryNet } from '../dist/conformance-net.js';
import { Sealer } from '../dist/sealer.js';

const SECRET = 'a secret of tests';
const OTHER = 'another of tests';

/** Members of one test, in memory and in virtual time. */
class World {
  readonly env: VirtualEnv = virtualEnv();
  readonly net: MemoryNet = new MemoryNet(this.env);

  async start(self: Member, options: GossipOptions = {}): Promise<GossipMembership> {
    const membership = gossip(options);
    const net = this.net.at(self.address);
    await membership.start(self, { env: this.env, net, secret: SECRET });
    return membership;
  }

  /** Members `a`, `b` and so on, which all join `a`. */
  async members(...names: readonly string[]): Promise<readonly GossipMembership[]> {
    const members: GossipMembership[] = [];
    for (const name of names) members.push(await this.start(member(name), { seeds: ['a:1'] }));
    await this.env.advance(2_000);
    return members;
  }
}

function member(name: string, incarnation = '1', kinds: readonly string[] = []): Member {
  return { name, incarnation, address: `${name}:1`, state: 'alive', meta: { kinds } };
}

function word(name: string): Alive {
  const versions = { versionMin: 1, versionMax: 1 };
  const at = { address: `${name}:1`, generation: 1, incarnation: 0 };
  return { kind: 'alive', name, ...at, meta: new Uint8Array(), ...versions };
}

function find(of: Membership, name: string): Member | undefined {
  return of.view().members.find((member) => member.name === name);
}

function states(of: Membership): Record<string, string> {
  return Object.fromEntries(of.view().members.map(({ name, state }) => [name, state]));
}

function kindsSeen(of: Membership): readonly string[] {
  const seen: string[] = [];
  of.observe((event: ClusterEvent) => {
    seen.push('member' in event ? `${event.kind} ${event.member.name}` : event.kind);
  });
  return seen;
}

test('gossip of a quiet cluster goes by datagrams, and views alone are compared by stream', async (t) => {
  const w = new World();
  const [a] = await w.members('a', 'b', 'c');
  if (a === undefined) return t.fail();
  const before = a.counters;

  await w.env.advance(10_000);

  t.deepEqual(states(a), { a: 'alive', b: 'alive', c: 'alive' });
  t.true(a.counters.received - before.received > 20);
  t.true(a.counters.sentByStream - before.sentByStream <= 1);
});

test('where no datagram gets through, members are probed by stream and stay', async (t) => {
  const w = new World();
  w.net.carriesDatagrams = false;
  const [a, b] = await w.members('a', 'b', 'c');
  if (a === undefined || b === undefined) return t.fail();
  const seen = kindsSeen(b);

  await w.env.advance(60_000);

  t.deepEqual(states(a), { a: 'alive', b: 'alive', c: 'alive' });
  t.false(seen.some((kind) => kind.startsWith('failed')));
});

test('without a secret nothing is sealed, so all goes by stream', async (t) => {
  const w = new World();
  const start = async (name: string): Promise<GossipMembership> => {
    const membership = gossip({ seeds: ['a:1'] });
    await membership.start(member(name), { env: w.env, net: w.net.at(`${name}:1`) });
    return membership;
  };
  const a = await start('a');
  await start('b');

  await w.env.advance(20_000);

  t.deepEqual(states(a), { a: 'alive', b: 'alive' });
  t.like(a.counters, { sent: 0, received: 0 });
});

test('foreign, damaged and repeated datagrams are dropped and counted', async (t) => {
  const w = new World();
  const [a] = await w.members('a', 'b');
  if (a === undefined) return t.fail();
  const stranger = await w.net.at('x:1').datagrams(() => {});
  const heard: Uint8Array[] = [];
  const tap = w.net.at('b:1').datagrams((_, bytes) => void heard.push(bytes)); // In b's place.
  await w.env.advance(3_000);
  const [repeated] = heard;
  if (repeated === undefined) return t.fail();
  const own = new Sealer(new Keyring(SECRET));

  stranger?.send('a:1', new Sealer(new Keyring(OTHER)).seal(Uint8Array.of(1, 2, 3)));
  stranger?.send('a:1', own.seal(Uint8Array.of(1, 2, 3))); // Of a member, and no packet.
  const packet = own.seal(new Uint8Array());
  stranger?.send('a:1', packet);
  stranger?.send('a:1', packet);
  await w.env.settled();

  t.like(a.counters, { foreign: 1, damaged: 2, replayed: 1 });
  (await tap)?.close();
});

test('the key is changed while members hear each other', async (t) => {
  const w = new World();
  const keyrings = [new Keyring(SECRET), new Keyring(SECRET)];
  const [a, b] = await Promise.all(
    ['a', 'b'].map((name, i) => {
      const keyring = keyrings[i];
      return w.start(member(name), { seeds: ['a:1'], ...(keyring && { keyring }) });
    }),
  );
  if (a === undefined || b === undefined) return t.fail();

  for (const step of ['add', 'use'] as const) {
    for (const keyring of keyrings) {
      keyring[step](OTHER);
      await w.env.advance(5_000);
    }
  }
  for (const keyring of keyrings) keyring.remove(SECRET);
  await w.env.advance(5_000);

  t.deepEqual(states(a), { a: 'alive', b: 'alive' });
  t.like(a.counters, { foreign: 0, damaged: 0 });
  t.like(b.counters, { foreign: 0, damaged: 0 });
});

test('nodes a step apart in changing the secret hear each other', async (t) => {
  const w = new World();
  const start = async (name: string, secret: string | readonly string[]) => {
    const membership = gossip({ seeds: ['a:1'] });
    await membership.start(member(name), { env: w.env, net: w.net.at(`${name}:1`), secret });
    return membership;
  };
  const a = await start('a', SECRET);
  const b = await start('b', [SECRET, OTHER]);

  await w.env.advance(20_000);

  t.true(a.counters.received > 20 && b.counters.received > 20);
  t.like(a.counters, { foreign: 0, damaged: 0 });
  t.like(b.counters, { foreign: 0, damaged: 0 });
});

test('who has another keyring is told of once a minute, by name where it is known', async (t) => {
  const w = new World();
  const a = await w.start(member('a'), { keyring: new Keyring(SECRET) });
  const told: ClusterEvent[] = [];
  a.observe((event) => void (event.kind === 'foreign' && told.push(event)));
  await w.start(member('b'), { seeds: ['a:1'], keyring: new Keyring(OTHER) });

  await w.env.advance(130_000);

  const lines = w.env.logged.filter(({ message }) =>
    message.startsWith('packets cannot be opened'),
  );
  const byA = lines.filter(({ fields }) => fields['from'] === 'b:1').map(({ fields }) => fields);
  t.is(byA.length, 3);
  t.like(byA[0], { member: 'b', packets: 1 });
  t.true(byA.slice(1).every(({ packets }) => Number(packets) > 10));
  t.is(told.length, 3);
  t.like(told[0], { kind: 'foreign', address: 'b:1', packets: 1 });
  t.is(lines.filter(({ fields }) => fields['from'] === 'a:1').length, 3);
});

test('clusters of different names do not become one', async (t) => {
  const w = new World();
  const a = await w.start(member('a'), { cluster: 'blue' });
  const b = await w.start(member('b'), { cluster: 'green', seeds: ['a:1'] });

  await w.env.advance(20_000);

  t.deepEqual(states(a), { a: 'alive' });
  t.deepEqual(states(b), { b: 'alive' });
});

test('what a member says of itself travels, and more than 512 bytes are refused', async (t) => {
  const w = new World();
  const a = await w.start(member('a'));
  const b = await w.start(member('b'), { seeds: ['a:1'] });
  const seen = kindsSeen(a);
  const meta = { kinds: ['room', 'größe'], roles: ['front'] };

  b.setMeta(meta);
  await w.env.advance(1_000);

  t.deepEqual(a.view().members.find(({ name }) => name === 'b')?.meta, meta);
  t.deepEqual(
    seen.filter((kind) => kind.startsWith('changed')),
    ['changed b'],
  );
  const error = t.throws(
    () => b.setMeta({ kinds: ['k'.repeat(200), 'l'.repeat(200), 'm'.repeat(200)] }),
    {
      instanceOf: MetadataTooLarge,
    },
  );
  t.regex(error?.message ?? '', /take 609 bytes .*512 is the limit/);
  t.deepEqual(b.view().self.meta, meta);
});

test('observers are told of suspicion, failure, return and stability', async (t) => {
  const w = new World();
  const [a] = await w.members('a', 'b', 'c');
  if (a === undefined) return t.fail();
  const seen = kindsSeen(a);

  w.net.frozen.add('b:1');
  await w.env.advance(30_000);
  w.net.frozen.delete('b:1');
  await w.env.advance(30_000);

  const ofB = seen.filter((kind) => kind.endsWith(' b'));
  t.deepEqual(ofB.slice(0, 2), ['suspected b', 'failed b']);
  t.is(ofB.at(-1), 'joined b');
  t.is(seen.at(-1), 'stable');
});

test('who is started again elsewhere, before it was missed, has its name at once', async (t) => {
  const w = new World();
  const [a, b] = await w.members('a', 'b', 'c', 'd');
  if (a === undefined || b === undefined) return t.fail();
  await b.stop();
  w.net.end('b:1');

  const next = w.start({ ...member('b', '2'), address: 'e:1' }, { seeds: ['a:1'] });
  await w.env.advance(500);

  await t.notThrowsAsync(next);
  t.like(find(a, 'b'), { incarnation: '2', address: 'e:1', state: 'alive' });
});

test('who is started again elsewhere, its host gone silent, has its name in a while', async (t) => {
  const w = new World();
  const [a] = await w.members('a', 'b', 'c', 'd');
  if (a === undefined) return t.fail();
  w.net.frozen.add('b:1');

  const next = w.start({ ...member('b', '2'), address: 'e:1' }, { seeds: ['a:1'] });
  await w.env.advance(8_000);

  await t.notThrowsAsync(next);
  t.like(find(a, 'b'), { incarnation: '2', address: 'e:1', state: 'alive' });
});

test('a name that others say is taken, by one that cannot be asked, is given up in the end', async (t) => {
  const w = new World();
  await w.members('a', 'b', 'c', 'd');
  w.net.isCut = (from, to) => from === 'e:1' && to === 'b:1';

  const next = w.start({ ...member('b', '2'), address: 'e:1' }, { seeds: ['a:1'] });
  const refused = t.throwsAsync(next, { instanceOf: NameTaken, message: /at b:1/ });
  await w.env.advance(20_000);

  await refused;
});

/** A second `b` starts elsewhere, and one of its seeds is silent. @returns why it ends, and when */
async function endOfClaim(w: World): Promise<{ error: unknown; afterMs: number }> {
  w.net.frozen.add('x:1');
  const startedAtMs = w.env.now();
  const next = w.start({ ...member('b', '2'), address: 'e:1' }, { seeds: ['x:1', 'a:1'] });
  const ended = next.then(
    () => ({ error: undefined, afterMs: 0 }),
    (error: unknown) => ({ error, afterMs: w.env.now() - startedAtMs }),
  );
  await w.env.advance(60_000);
  return ended;
}

test('the claim of a name that is taken ends in time, though a seed is silent', async (t) => {
  const w = new World();
  await w.members('a', 'b', 'c', 'd');
  w.net.isCut = (from, to) => from === 'e:1' && to === 'b:1';

  const { error, afterMs } = await endOfClaim(w);

  t.true(error instanceof NameTaken && /did not answer, and in 8000 ms/.test(error.message));
  t.true(afterMs >= 8_000 && afterMs < 8_100, `${afterMs} ms`);
});

test('a name whose holder answers is refused at once, though a seed is silent', async (t) => {
  const w = new World();
  await w.members('a', 'b', 'c', 'd');

  const { error, afterMs } = await endOfClaim(w);

  t.true(error instanceof NameTaken && /already, at b:1: give/.test(error.message));
  t.true(afterMs < 100, `${afterMs} ms`);
});

test('members that are not admitted do not fill the log', async (t) => {
  const w = new World();
  const settings = { membersMax: 2 };
  const start = (name: string) => w.start(member(name), { seeds: ['a:1'], settings });
  for (const name of ['a', 'b', 'c', 'd', 'e']) await start(name);

  await w.env.advance(60_000);

  const lines = w.env.logged.filter(({ message }) => message === 'a member was not admitted');
  const unlogged = lines.reduce((sum, { fields }) => sum + Number(fields['unlogged']), 0);
  t.true(lines.length >= 5 && lines.length <= 5 * 7, `${lines.length} lines`);
  t.true(unlogged > lines.length, `${unlogged} more`);
});

test('a name that another node has taken does not fill the log', async (t) => {
  const w = new World();
  await w.members('a', 'b');
  const later = encodePacket({
    cluster: 0,
    from: 'b',
    generation: 1,
    message: { kind: 'gossip' },
    updates: [{ ...word('a'), address: 'e:1', generation: 2 ** 52 }],
  });

  for (let i = 0; i < 30; i += 1) {
    await w.net.answers.get('a:1')?.({ from: 'b:1', via: 'stream', packet: later });
    await w.env.advance(1_000);
  }

  const lines = w.env.logged.filter(({ message }) => /has taken the name/.test(message));
  t.is(lines.length, 3);
  t.deepEqual(
    lines.map(({ fields }) => fields['unlogged']),
    [0, 9, 9],
  );
});

test('members that find their seeds by a function find those that it names later', async (t) => {
  const w = new World();
  let found: readonly string[] = [];
  const b = await w.start(member('b'), { seeds: async () => found });
  await w.start(member('a'));
  await w.env.advance(5_000);
  t.deepEqual(states(b), { b: 'alive' });

  found = ['a:1'];
  await w.env.advance(11_000);

  t.deepEqual(states(b), { a: 'alive', b: 'alive' });
});

test('a seed that refuses a member that has joined is no reason to seek no further', async (t) => {
  const w = new World();
  const b = await w.start(member('b'), { seeds: ['x:1', 'a:1'] });
  const cause = new HandshakeRefused('secret');
  w.net.answers.set('x:1', () => {
    throw new Error('no connection', { cause });
  });
  await w.env.advance(3_000);
  const called: unknown[] = [];
  w.net.answers.set('a:1', (payload) => {
    called.push(payload);
    throw new Error('not yet');
  });

  await w.env.advance(60_000);

  t.deepEqual(states(b), { b: 'alive' });
  t.true(called.length > 9, `${called.length} calls`);
});
