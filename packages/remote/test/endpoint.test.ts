import test from 'ava';
import { Actor, type ActorRef, rpc, SessionLost, Unreachable } from '@troupe/actor';
import { HandshakeRefused, type Peer, type Transport, WeakSecret } from '@troupe/remote';
import { type TestNode, testNodes } from './nodes.js';

class Log extends Actor {
  readonly #entries: string[] = [];
  @rpc add(entry: string): number {
    return this.#entries.push(entry);
  }
  @rpc entries(): readonly string[] {
    return this.#entries;
  }
  @rpc wait(): Promise<never> {
    return new Promise(() => {});
  }
}

/** Gives a node a log that others find by name. */
function serveLog(node: TestNode): TestNode {
  node.serve('log', node.system.spawn(Log));
  return node;
}

function addressOf(node: TestNode): string {
  return node.endpoint.identity.address;
}

function connectedNames(node: TestNode): string[] {
  const peers: readonly Peer[] = [...node.endpoint.peers];
  return peers.filter(({ isConnected }) => isConnected).map(({ identity }) => identity.name);
}

test('whoever wants the same peer at once shares one connection', async (t) => {
  const { node } = testNodes();
  const [a, b] = [await node('a'), await node('b')];

  const peers = await Promise.all([1, 2, 3].map(() => a.endpoint.connect(addressOf(b))));
  const again = await a.endpoint.connect(addressOf(b));

  for (const peer of peers) t.is(peer, again);
  t.deepEqual(connectedNames(b), ['a']);
});

for (const [first = '', second = ''] of [
  ['a', 'b'],
  ['b', 'a'],
]) {
  test(`when ${first} and ${second} dial each other at once, no call is lost`, async (t) => {
    const { node, env } = testNodes();
    const [one, other] = [serveLog(await node(first)), serveLog(await node(second))];

    const [mine, theirs] = await Promise.all([
      one.find<ActorRef<Log>>(other, 'log'),
      other.find<ActorRef<Log>>(one, 'log'),
    ]);
    const calls = [1, 2, 3].flatMap((n) => [mine.add(`${n}`), theirs.add(`${n}`)]);
    await env.settled();

    t.deepEqual(await Promise.all(calls), [1, 1, 2, 2, 3, 3]);
    t.deepEqual(await mine.entries(), ['1', '2', '3']);
    t.deepEqual(connectedNames(one), [second]);
    t.deepEqual(connectedNames(other), [first]);
    t.deepEqual(env.logged, []);
  });
}

for (const [first = '', second = ''] of [
  ['a', 'b'],
  ['b', 'a'],
]) {
  test(`however much later ${second} dials ${first} back, one connection is made`, async (t) => {
    for (let microtasks = 0; microtasks < 40; microtasks += 1) {
      const { node, env } = testNodes();
      const made: string[] = [];
      const onConnected = ({ identity }: Peer): void => void made.push(identity.name);
      const one = await node(first, { onConnected });
      const other = await node(second, { onConnected });

      const dialling = one.endpoint.connect(addressOf(other));
      for (let i = 0; i < microtasks; i += 1) await null;
      await Promise.all([dialling, other.endpoint.connect(addressOf(one))]);
      await env.settled();

      t.deepEqual(made.toSorted(), ['a', 'b'], `${microtasks} microtasks later`);
    }
  });
}

test('a peer that is dialled by two addresses at once is connected to once', async (t) => {
  const { node, network } = testNodes();
  const made: string[] = [];
  const b = await node('b', { onConnected: ({ identity }) => void made.push(identity.name) });
  const { dial, ...rest } = network.transport('a');
  const transport: Transport = {
    ...rest,
    dial: (to, options) => dial(to === 'alias:1' ? addressOf(b) : to, options),
  };
  const a = await node('a', { transport });

  const peers = await Promise.all([addressOf(b), 'alias:1'].map((to) => a.endpoint.connect(to)));

  t.is(peers[0], peers[1]);
  t.deepEqual(made, ['a']);
});

test('a peer that has lost its connection without our knowing is let in again', async (t) => {
  const { node, network, env } = testNodes();
  const [a, b] = [serveLog(await node('a')), await node('b')];
  const log = await b.find<ActorRef<Log>>(a, 'log');
  network.freeze('a', 'b'); // Neither notices; then b, who looks sooner, does.
  const limits = { pingAfterMs: 1_000, lostAfterMs: 5_000 };
  for (const peer of b.endpoint.peers) peer.checkLife(env.now() + 5_000, limits);
  await env.settled();
  t.deepEqual(connectedNames(a), ['b']);

  const added = log.add('again');
  await env.settled();

  t.is(await added, 1);
});

test('many nodes that all dial each other at once end with one connection a pair', async (t) => {
  const { node, env } = testNodes();
  const nodes = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => node(name)));

  const dials = nodes.flatMap((from) =>
    nodes.filter((to) => to !== from).map((to) => from.endpoint.connect(addressOf(to))),
  );
  await env.settled();
  await Promise.all(dials);

  for (const { endpoint } of nodes) t.is([...endpoint.peers].length, 4);
  for (const each of nodes) t.is(connectedNames(each).length, 4);
});

test('a node does not open with a secret of less than 16 bytes', async (t) => {
  const { node } = testNodes();

  const error = await t.throwsAsync(node('a', { secret: 'fifteen letters' }), {
    instanceOf: WeakSecret,
  });

  t.like(error, { code: 'ERR_WEAK_SECRET', bytes: 15, bytesMin: 16 });
});

for (const [ours, theirs] of [
  ['a secret of tests', 'another of tests'],
  ['a secret of tests', undefined],
  [undefined, 'a secret of tests'],
]) {
  test(`the secrets '${ours}' and '${theirs}' keep nodes apart, and both know why`, async (t) => {
    const { node, env } = testNodes();
    const [a, b] = [await node('a', { secret: ours }), await node('b', { secret: theirs })];

    const error = await t.throwsAsync(a.endpoint.connect(addressOf(b)), {
      instanceOf: Unreachable,
    });

    t.is(error?.executed, 'no');
    t.regex(error?.message ?? '', /start both nodes with the same secret/);
    t.true(error?.cause instanceof HandshakeRefused);
    t.like(env.logged, [{ level: 'warn', fields: { from: 'a' } }]);
    t.regex(String(env.logged[0]?.fields['reason']), /start both nodes with the same secret/);
    t.deepEqual([...b.endpoint.peers], []);
  });
}

test('strangers at the door are bounded, and told of once', async (t) => {
  const { node, network, env } = testNodes();
  await node('b');
  const stranger = network.transport('x');
  let closed = 0;
  for (let i = 0; i < 1_030; i += 1) {
    const connection = await stranger.dial('b:1', { timeoutMs: 1_000 });
    connection.start({ data: () => undefined, closed: () => (closed += 1) });
  }
  await env.settled();

  t.is(closed, 6);
  t.is(env.logged.filter(({ level }) => level === 'warn').length, 1);

  await env.advance(5_000);
  t.is((await (await node('a')).endpoint.connect('b:1')).identity.name, 'b');
});

test('a refused peer harms nobody else', async (t) => {
  const { node } = testNodes();
  const b = serveLog(await node('b', { secret: 'a secret of tests' }));
  const a = await node('a', { secret: 'a secret of tests' });
  const log = await a.find<ActorRef<Log>>(b, 'log');

  const stranger = await node('x', { secret: 'a stranger guesses' });
  await t.throwsAsync(stranger.endpoint.connect(addressOf(b)));

  t.is(await log.add('on'), 1);
});

test('a node does not connect to itself', async (t) => {
  const { node } = testNodes();
  const a = await node('a');

  const error = await t.throwsAsync(a.endpoint.connect(addressOf(a)), { instanceOf: Unreachable });

  t.regex(error?.message ?? '', /address of this very node/);
  t.deepEqual(connectedNames(a), []);
});

test('where nobody listens, the caller is told, and may try again later', async (t) => {
  const { node } = testNodes();
  const a = await node('a');

  const error = await t.throwsAsync(a.endpoint.connect('b:1'), { instanceOf: Unreachable });
  t.regex(error?.message ?? '', /^b:1 cannot be reached: connection refused/);

  const b = await node('b');
  t.is((await a.endpoint.connect('b:1')).identity.name, b.system.name);
});

test('a node that is only named, or dialled in vain, is kept for those who refer to it', async (t) => {
  const { node, env } = testNodes();
  const a = await node('a');
  const identity = { name: 'b', incarnation: 'b-1', address: 'b:1' };

  const named = a.endpoint.peerOf(identity);
  t.deepEqual([[...a.endpoint.peers], a.endpoint.named], [[], 1]);
  named.send(named.encode([]), { key: undefined });
  t.deepEqual([[...a.endpoint.peers], a.endpoint.named], [[named], 0]);
  await env.settled();

  t.deepEqual([[...a.endpoint.peers], a.endpoint.named], [[], 1]);
  t.is(a.endpoint.peerOf({ ...identity }), named);
});

test('a reference to a node that was started again stays dead, and says so', async (t) => {
  const { node, network, env } = testNodes();
  const a = await node('a');
  const before = serveLog(await node('b'));
  const log = await a.find<ActorRef<Log>>(before, 'log');
  network.crash('b');
  await env.settled();
  network.restore('b');
  const after = serveLog(await node('b', { incarnation: 'b-2' }));
  await env.advance(1_000); // The session finds out that there is nothing to go on with.

  const error = await t.throwsAsync(log.add('x'), { instanceOf: Unreachable });

  t.regex(error?.message ?? '', /there is now b in another incarnation/);
  t.is(await (await a.find<ActorRef<Log>>(after, 'log')).add('y'), 1);
});

test('a node that was given up and is heard of again is what references to it lead to', async (t) => {
  const { node, network, env } = testNodes();
  const [a, b] = [serveLog(await node('a')), serveLog(await node('b'))];
  const log = await a.find<ActorRef<Log>>(b, 'log');
  const waiting = t.throwsAsync(log.wait(), { instanceOf: SessionLost });
  const [peer] = [...a.endpoint.peers];
  network.cut('a', 'b');
  a.endpoint.forget(b.endpoint.identity, 'its node is down');
  b.endpoint.forget(a.endpoint.identity, 'its node is down');
  await waiting;
  t.deepEqual([[...a.endpoint.peers], a.endpoint.named], [[], 1]);

  network.heal('a', 'b');
  await b.find<ActorRef<Log>>(a, 'log');
  await env.settled();

  t.is(await log.add('again'), 1);
  t.deepEqual([...a.endpoint.peers], [peer]);
  t.deepEqual(connectedNames(b), ['a']);
});

test('a node that closes says goodbye: who waits learns why, and nobody gets in any more', async (t) => {
  const { node, env } = testNodes();
  const [a, b] = [await node('a'), serveLog(await node('b'))];
  const log = await a.find<ActorRef<Log>>(b, 'log');
  const waiting = t.throwsAsync(log.wait(), { instanceOf: SessionLost });
  await env.settled();

  await b.endpoint.close();
  await b.endpoint.close();

  t.regex((await waiting)?.message ?? '', /the node is stopping/);
  await t.throwsAsync(a.endpoint.connect('b:1'), { instanceOf: Unreachable });
  t.deepEqual(connectedNames(a), []);
});
