import test from 'ava';
import { BadArguments, BadOption, ChannelLost, DeadlineExceeded, type Schema } from '@troupe/actor';
import type { NamedChannels, Node, NodeOptions } from '@troupe/cluster';
import { NamedChannel } from '../dist/named-channel.js';
import { TestCluster } from './nodes.js';

/** A name whose channel is placed on the given node. */
function channelOn(node: Node, owner: string): string {
  for (let i = 0; ; i += 1) {
    if (node.ownerOf(NamedChannel, `channel-${i}`)?.name === owner) return `channel-${i}`;
  }
}

test('a named channel is one and the same from every node', async (t) => {
  const cluster = new TestCluster();
  const [a, b, c] = await cluster.nodes('a', 'b', 'c');
  if (a === undefined || b === undefined || c === undefined) return t.fail();

  for (const owner of ['a', 'b', 'c']) {
    const name = channelOn(a, owner);
    const { sender } = await a.channel<string>(name, { capacity: 2 });
    const { receiver } = await b.channel<string>(name);
    await sender.send(owner);

    t.is(await receiver.receive(), owner);
    t.is((await c.channel(name)).sender.capacity, 2);
    const other = await t.throwsAsync(c.channel(name, { capacity: 3 }), {
      instanceOf: BadOption,
      message: /^capacity is 3: channel '.*' is there, with 2; leave it out/,
    });
    t.is(other?.executed, 'no');
  }
});

test('a named channel that is closed makes place for a new one', async (t) => {
  const cluster = new TestCluster();
  const [a, b] = await cluster.nodes('a', 'b');
  if (a === undefined || b === undefined) return t.fail();
  const name = channelOn(a, 'b');
  const first = await a.channel<number>(name, { capacity: 1 });
  await first.sender.send(1, { ack: true });
  first.sender.close();
  await cluster.env.settled();

  const second = await a.channel<number>(name, { capacity: 2 });

  t.is(second.sender.capacity, 2);
  t.is(second.sender.trySend(2), 'sent');
  t.is(await second.receiver.receive(), 2);
});

test('when the home of a named channel dies its ends are lost, and the name gives a new one', async (t) => {
  const cluster = new TestCluster();
  const [a] = await cluster.nodes('a', 'b');
  if (a === undefined) return t.fail();
  const name = channelOn(a, 'b');
  const { receiver } = await a.channel<number>(name);
  const lost = t.throwsAsync(receiver.receive(), { instanceOf: ChannelLost });
  await cluster.env.settled();

  cluster.kill('b');
  await cluster.env.advance(3_000);

  await lost;
  const again = await a.channel<number>(name, { capacity: 1 });
  t.is(again.sender.trySend(1), 'sent');
  t.is(await again.receiver.receive(), 1);
});

test('when a node ends in order, what its channels hold can still be fetched, and then they are lost', async (t) => {
  const cluster = new TestCluster();
  const [a, b] = await cluster.nodes('a', 'b');
  if (a === undefined || b === undefined) return t.fail();
  const { sender, receiver } = await a.channel<number>(channelOn(a, 'b'), { capacity: 4 });
  await sender.send(1, { ack: true });

  const stopping = b.stop();
  const received = await receiver.receive().catch((error: unknown) => error);
  await cluster.env.advance(3_000);
  await stopping;

  t.true(received === 1 || received instanceof ChannelLost, String(received));
  await t.throwsAsync(receiver.receive(), { instanceOf: ChannelLost });
});

test("named channels, which are the runtime's own, pass by the edge of their home", async (t) => {
  const cluster = new TestCluster();
  const seen: string[] = [];
  const edgeInterceptors: NodeOptions['edgeInterceptors'] = [
    ({ to }, next) => {
      seen.push(to);
      return next();
    },
  ];
  const [a, b] = [
    await cluster.node('a', { edgeInterceptors }),
    await cluster.node('b', { edgeInterceptors }),
  ];
  await cluster.env.advance(3_000);

  for (let i = 0; i < 4; i += 1) {
    await (await a.channel<number>(`line-${i}`, { capacity: 1 })).sender.send(i);
    t.is(await (await b.channel<number>(`line-${i}`)).receiver.receive(), i);
  }

  t.deepEqual(seen, []);
});

test('a named channel is as its home was told, and checks what comes from any node', async (t) => {
  const text: Schema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        typeof value === 'string' ? { value } : { issues: [{ message: 'not a text' }] },
    },
  };
  const cluster = new TestCluster();
  const a = await cluster.node('a');
  await cluster.node('b', { channels: { ...checkedNames(text) } });
  await cluster.env.advance(3_000);
  const { sender, receiver } = await a.channel<unknown>(channelOn(a, 'b'));

  await sender.send('fine');
  const wrong = sender.send(7, { ack: true });

  t.is(sender.capacity, 4);
  t.is(await receiver.receive(), 'fine');
  await t.throwsAsync(wrong, { instanceOf: BadArguments, message: /element: not a text/ });
});

/** What is declared for every name that `channelOn` may yield. */
function checkedNames(schema: Schema): NamedChannels {
  const names = Array.from({ length: 64 }, (_, at) => `channel-${at}`);
  return Object.fromEntries(names.map((name) => [name, { capacity: 4, schema }]));
}

test('while all members are clients a name is waited for, and then the error says why', async (t) => {
  const cluster = new TestCluster();
  const a = await cluster.node('a', { actors: [] });
  await cluster.node('b');
  await cluster.env.advance(3_000);
  const { sender, receiver } = await a.channel<number>('audit', { capacity: 4 });
  cluster.kill('b');
  await cluster.env.advance(10_000);
  for (const lost of [receiver.receive(), sender.send(1)]) {
    await t.throwsAsync(lost, { instanceOf: ChannelLost });
  }

  const failing = t.throwsAsync(a.channel('audit'), { instanceOf: DeadlineExceeded });
  await cluster.env.advance(10_000);
  const opening = a.channel<number>('audit');
  await cluster.env.advance(5_000);
  await cluster.node('c');
  await cluster.env.advance(4_000);

  const error = await failing;
  t.is(error?.executed, 'no');
  t.like(error?.cause, { code: 'ERR_NO_SUCH_ACTOR' });
  t.regex(
    error?.message ?? '',
    /no node of the cluster hosts channels: .* startNode\(\{ actors: \[\] \}\)/,
  );
  t.is((await opening).sender.capacity, 0);
});

test('before any is received, a named channel takes its capacity, and 512 of each other node', async (t) => {
  const cluster = new TestCluster();
  const nodes = await cluster.nodes('a', 'b', 'c');
  const [a] = nodes;
  if (a === undefined) return t.fail();
  const name = channelOn(a, 'b');
  let sent = 0;
  for (const node of nodes) {
    const { sender } = await node.channel<number>(name, { capacity: 4 });
    for (let i = 0; i < 1_000; i += 1) void sender.send(i).then(() => (sent += 1));
  }

  await cluster.env.settled();

  t.is(sent, 4 + 2 * 512);
});
