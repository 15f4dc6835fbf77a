import test from 'ava';
import {
  Actor,
  actor,
  type ActorRef,
  DeadlineExceeded,
  NotSerializable,
  Overloaded,
  processEnv,
  RemoteError,
  rpc,
  SessionLost,
  Unreachable,
} from '@troupe/actor';
import {
  type Connection,
  HandshakeRefused,
  tcpTransport,
  tlsTransport,
  type Transport,
} from '@troupe/remote';
import {
  ANSWER,
  ASK,
  EXCHANGE_BYTES_MAX,
  type ExchangeFrame,
  ExchangeFrames,
  EXCHANGES_MAX,
  FAIL,
} from '../dist/exchange-frames.js';
import { acceptLink, dialProved, type Proved } from '../dist/link.js';
import { authority } from './certificates.js';
import { startTestNode, type TestNode, testNodes } from './nodes.js';
import { slowTransport, type Way } from './slow-way.js';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 5_000;

@actor({ kind: 'store' })
class Store extends Actor {
  @rpc put(bytes: Uint8Array): number {
    return bytes.length;
  }
}

/** Counts the connections that are dialled and have not ended. */
function counted(inner: Transport, open: Set<Connection>): Transport {
  return {
    ...inner,
    async dial(address, options) {
      const connection = await inner.dial(address, options);
      const start = connection.start.bind(connection);
      open.add(connection);
      connection.start = (handler) => {
        const closed = (error: Error | undefined): void => {
          open.delete(connection);
          handler.closed(error);
        };
        start({ ...handler, data: (chunk) => handler.data(chunk), closed });
      };
      return connection;
    },
  };
}

/** Node `a`, which asks, and node `b`, which answers with what it was asked. */
async function two() {
  const { env, network, node } = testNodes();
  const open = new Set<Connection>();
  const a = await node('a', { transport: counted(network.transport('a'), open) });
  const b = await node('b');
  const asked: unknown[] = [];
  b.endpoint.exchanges.onAsk((payload) => {
    asked.push(payload);
    return payload;
  });
  const ask = (payload: unknown, timeoutMs = TIMEOUT_MS): Promise<unknown> =>
    a.endpoint.exchanges.ask('b:1', payload, timeoutMs);
  return { env, network, a, b, asked, open, ask, node };
}

/** A connection for exchanges whose owner writes what it likes. */
class Raw implements Proved {
  readonly frames: ExchangeFrame[] = [];
  readonly connection: Connection;
  hasEnded = false;
  readonly #reader = new ExchangeFrames();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  receive(chunk: Uint8Array): void {
    this.frames.push(...this.#reader.push(chunk));
  }

  ended(): void {
    this.hasEnded = true;
  }
}

function dialRaw(
  { env, network }: ReturnType<typeof testNodes>,
  { transport = network.transport('x') }: { readonly transport?: Transport } = {},
): Promise<Raw> {
  const options = {
    env,
    self: { name: 'x', incarnation: '1', address: '' },
    transport,
    purpose: 'exchange',
    address: 'b:1',
    timeoutMs: TIMEOUT_MS,
  } as const;
  return dialProved(options, (connection) => new Raw(connection));
}

/** A node that is asked over a connection that somebody else answers. */
async function answeredBy(answer: (line: Raw, frames: ExchangeFrames) => void) {
  const world = testNodes();
  const a = await world.node('a');
  const lines: Raw[] = [];
  const self = { name: 'b', incarnation: '1', address: 'b:1' };
  await world.network.transport('b').listen('b:1', (connection) => {
    const made = acceptLink(connection, { env: world.env, self }, (proved) => {
      const line = new Raw(proved);
      lines.push(line);
      queueMicrotask(() => answer(line, new ExchangeFrames()));
      return line;
    });
    made.catch(() => undefined);
  });
  const ask = (payload: unknown): Promise<unknown> =>
    a.endpoint.exchanges.ask('b:1', payload, TIMEOUT_MS);
  return { ...world, a, lines, ask };
}

test('plain data is asked and answered, many at once over one connection', async (t) => {
  const { ask, open } = await two();
  const payloads = [{ from: 'a:1', packet: new Uint8Array([1, 2]) }, undefined, 'x', [1n]];

  const answers = await Promise.all(payloads.map((payload) => ask(payload)));

  t.deepEqual(answers, payloads);
  t.is(open.size, 1);
});

test('an exchange is answered in a few round trips while the session is full both ways', async (t) => {
  const { env, network, node } = testNodes();
  const way = { delayMs: 5, bytesPerSecond: 100_000 };
  const slow = (name: string): Transport => slowTransport(network.transport(name), env, () => way);
  const life = { pingAfterMs: 60_000, lostAfterMs: 600_000 };
  const a = await node('a', { transport: slow('a'), ...life });
  const b = await node('b', { transport: slow('b'), ...life });
  b.endpoint.exchanges.onAsk((payload) => payload);
  const toB = stored(a, b);
  await env.advance(500);
  const toA = stored(b, a);
  await env.advance(500);
  for (const store of [await toB, await toA]) {
    for (let i = 0; i < 8; i += 1) void store.put(new Uint8Array(MIB)).catch(() => undefined);
  }
  await env.advance(2_000);
  const askedAt = env.now();
  let answeredAt: number | undefined;

  const answer = a.endpoint.exchanges.ask('b:1', 'hello', TIMEOUT_MS);
  void answer.then(() => (answeredAt = env.now()));
  for (let i = 0; i < 100; i += 1) await env.advance(1);

  t.is(await answer, 'hello');
  // Three round trips of 10 ms, and a kilobyte or so at 100 bytes a millisecond.
  t.true((answeredAt ?? Infinity) - askedAt < 60, `${(answeredAt ?? Infinity) - askedAt} ms`);
  const again = a.endpoint.exchanges.ask('b:1', 'again', TIMEOUT_MS);
  await env.advance(12);
  t.is(await again, 'again');
});

/** An actor of `to` that takes all that it is given, as `from` sees it. */
async function stored(from: TestNode, to: TestNode): Promise<Pick<ActorRef<Store>, 'put'>> {
  to.serve('store', to.system.spawn(Store));
  return (await from.find<ActorRef<Store>>(to, 'store')).with({ timeoutMs: 600_000 });
}

for (const way of ['tcp', 'tls'] as const) {
  test(`exchanges go over ${way}, and nothing of them is left at the end`, async (t) => {
    const ours = way === 'tls' ? await authority() : undefined;
    const transportOf = async (name: string): Promise<Transport> =>
      ours === undefined ? tcpTransport() : tlsTransport(await ours.issue({ commonName: name }));
    const env = processEnv();
    const listen = '127.0.0.1:0';
    const a = await startTestNode(env, { name: 'a', transport: await transportOf('a'), listen });
    const b = await startTestNode(env, { name: 'b', transport: await transportOf('b'), listen });
    b.endpoint.exchanges.onAsk((payload) => payload);
    const { address } = b.endpoint.identity;
    const payload = new Uint8Array(MIB);

    t.deepEqual(await a.endpoint.exchanges.ask(address, payload, TIMEOUT_MS), payload);

    b.endpoint.exchanges.onAsk(() => b.endpoint.close());
    const lost = a.endpoint.exchanges.ask(address, 1, TIMEOUT_MS);
    await t.throwsAsync(lost, { instanceOf: SessionLost });
    await a.endpoint.close();
  });
}

test('what is thrown instead of an answer arrives as such, and harms no other exchange', async (t) => {
  const { b, ask } = await two();
  b.endpoint.exchanges.onAsk((payload) => {
    if (payload === 'bad') throw new TypeError('x'.repeat(5_000));
    return payload === 'odd' ? () => 1 : payload;
  });

  const bad = t.throwsAsync(ask('bad'), { instanceOf: RemoteError });
  const odd = t.throwsAsync(ask('odd'), { instanceOf: RemoteError });
  const good = await ask('good');

  t.like(await bad, { remoteName: 'TypeError', executed: 'yes' });
  t.is((await bad)?.remoteMessage.length, 1_024);
  t.is((await odd)?.remoteName, 'NotSerializable');
  t.is(good, 'good');
});

test('a connection for exchanges is given up after five idle seconds, and made again', async (t) => {
  const { env, ask, open } = await two();
  await ask(1);
  await env.advance(3_000);
  await ask(2);
  await env.advance(3_000);
  const keptFor = open.size;

  await env.advance(2_500);

  t.is(keptFor, 1);
  t.is(open.size, 0);
  t.is(env.timers, 0);
  t.is(await ask(3), 3);
});

test('an endpoint that closes leaves no connection and no timer of exchanges', async (t) => {
  for (const closing of ['a', 'b'] as const) {
    const { env, a, b, ask, open, asked } = await two();
    await ask('answered');
    b.endpoint.exchanges.onAsk((payload) => {
      asked.push(payload);
      return new Promise(() => undefined);
    });
    const lost = t.throwsAsync(ask('never'), { instanceOf: SessionLost });
    await env.settled();

    await { a, b }[closing].endpoint.close();
    await env.settled();

    t.is((await lost)?.executed, 'unknown');
    t.deepEqual(asked, ['answered', 'never']);
    t.is(open.size, 0);
    t.is(env.timers, 0);
    await a.endpoint.close();
    const after = await t.throwsAsync(ask('late'), { instanceOf: Unreachable });
    t.is(after?.executed, 'no');
  }
});

test('an answer that is late is told as such, and what is asked next goes another way', async (t) => {
  const { env, b, ask, open } = await two();
  let answerLate = (): void => undefined;
  const late = new Promise<void>((resolve) => (answerLate = resolve));
  b.endpoint.exchanges.onAsk((payload) => (payload === 'slow' ? late : payload));
  const slow = t.throwsAsync(ask('slow', 100), { instanceOf: DeadlineExceeded });
  const patient = ask('slow', 1_000);
  await env.advance(100);

  const next = await ask('next');

  t.like(await slow, { executed: 'unknown', timeoutMs: 100 });
  t.is(next, 'next');
  t.is(open.size, 2);
  answerLate();
  t.is(await patient, undefined);
  await env.settled();
  t.is(open.size, 1);
});

test('where nobody listens, the question has not left, and the cause says why', async (t) => {
  const { network, ask } = await two();
  network.crash('b');

  const error = await t.throwsAsync(ask(1), { instanceOf: Unreachable });

  t.is(error?.executed, 'no');
  t.like(error?.cause, { code: 'ECONNREFUSED' });
});

test('where nobody proves who they are in time, the question has not left', async (t) => {
  const { env, network, a } = await two();
  await network.transport('mute').listen('mute:1', (connection) => {
    connection.start({ data: () => undefined, closed: () => undefined });
  });
  const asked = a.endpoint.exchanges.ask('mute:1', 1, 1_000);
  const failed = t.throwsAsync(asked, { instanceOf: DeadlineExceeded });

  await env.advance(1_000);

  t.is((await failed)?.executed, 'no');
});

test('who gives up one that has let it in by then says nothing that could be taken for a question', async (t) => {
  const { env, network, node } = testNodes();
  const a = await node('a');
  const far = network.transport('b');
  const way: Way = { delayMs: 3_000, bytesPerSecond: Infinity };
  const b = await node('b', { transport: slowTransport(far, env, () => way) });
  b.endpoint.exchanges.onAsk(() => 'too late');

  const asking = t.throwsAsync(a.endpoint.exchanges.ask('b:1', 'x', 20_000));
  await env.advance(20_000); // The welcome comes after six seconds, of five.

  const error = await asking;
  t.like(error, { code: 'ERR_UNREACHABLE', executed: 'no' });
  t.like(error?.cause, { code: 'ERR_HANDSHAKE_REFUSED', reason: 'busy' });
  t.deepEqual(
    env.logged.filter(({ level }) => level === 'warn'),
    [],
  );
  t.is(env.timers, 0);
});

test('a crash is told to who waits for an answer, which may have been made', async (t) => {
  const { env, network, b, ask } = await two();
  b.endpoint.exchanges.onAsk(() => new Promise(() => undefined));
  const lost = t.throwsAsync(ask(1), { instanceOf: SessionLost });
  await env.settled();

  network.crash('b');

  t.is((await lost)?.executed, 'unknown');
});

test(`there are ${EXCHANGES_MAX} exchanges at once with one node, and no more`, async (t) => {
  const { env, b, ask, asked } = await two();
  let answerAll = (): void => undefined;
  const open = new Promise<void>((resolve) => (answerAll = resolve));
  b.endpoint.exchanges.onAsk((payload) => open.then(() => payload));
  const first = Array.from({ length: EXCHANGES_MAX }, (_, i) => ask(i));

  const whileDialling = await t.throwsAsync(ask('more'), { instanceOf: Overloaded });
  await env.settled();
  const underWay = await t.throwsAsync(ask('more'), { instanceOf: Overloaded });

  for (const error of [whileDialling, underWay]) {
    t.like(error, { executed: 'no', limit: EXCHANGES_MAX, bound: 'exchanges under way' });
  }
  t.deepEqual(asked, []);
  answerAll();
  t.deepEqual(await Promise.all(first), [...Array(EXCHANGES_MAX).keys()]);
  b.endpoint.exchanges.onAsk((payload) => payload);
  t.is(await ask('again'), 'again');
});

test('bytes under way are bounded, those of one exchange as those of all', async (t) => {
  const { b, ask } = await two();
  b.endpoint.exchanges.onAsk(() => new Promise(() => undefined));

  const tooLarge = await t.throwsAsync(ask(new Uint8Array(EXCHANGE_BYTES_MAX)));
  void ask(new Uint8Array(3 * MIB)).catch(() => undefined);
  const tooMany = await t.throwsAsync(ask(new Uint8Array(2 * MIB)), { instanceOf: Overloaded });

  t.true(tooLarge instanceof NotSerializable);
  t.like(tooMany, { executed: 'no', limit: EXCHANGE_BYTES_MAX });
});

test('one node may have eight connections for exchanges to another', async (t) => {
  const world = testNodes();
  await world.node('b');
  const lines: Raw[] = [];
  for (let i = 0; i < 8; i += 1) lines.push(await dialRaw(world));

  const error = await t.throwsAsync(dialRaw(world), { instanceOf: HandshakeRefused });

  t.is(error?.reason, 'busy');
  lines[0]?.connection.destroy();
  await world.env.settled();
  await t.notThrowsAsync(dialRaw(world));
});

test('who comes to ask a node that is stopping is told so, and nobody else is told', async (t) => {
  const world = testNodes();
  const warned: unknown[] = [];
  const log = { ...world.env.log, warn: (...line: unknown[]) => void warned.push(line) };
  const { endpoint } = await startTestNode(
    { ...world.env, log },
    { name: 'b', listen: 'b:1', transport: world.network.transport('b') },
  );
  const transport: Transport = {
    ...world.network.transport('x'),
    async dial(address, options) {
      const connection = await world.network.transport('x').dial(address, options);
      void endpoint.close();
      return connection;
    },
  };

  const error = await t.throwsAsync(dialRaw(world, { transport }), {
    instanceOf: HandshakeRefused,
  });

  t.is(error?.reason, 'stopping');
  t.deepEqual(warned, []);
});

test('who asks nothing for half a minute is hung up on', async (t) => {
  const world = testNodes();
  await world.node('b');
  const line = await dialRaw(world);

  await world.env.advance(30_000);

  t.true(line.hasEnded);
  t.is(world.env.timers, 0);
});

test('an outsider makes no exchanges with a node', async (t) => {
  const world = testNodes();
  await world.node('b');

  const transport = world.network.transport('x', { kind: 'outsider', name: 'x' });

  const error = await t.throwsAsync(dialRaw(world, { transport }), {
    instanceOf: HandshakeRefused,
  });

  t.is(error?.reason, 'secret');
});

test('an endpoint of an older version takes no connection for exchanges', async (t) => {
  const world = testNodes();
  await world.node('b', { versions: [1, 2] });

  const error = await t.throwsAsync(dialRaw(world), { instanceOf: HandshakeRefused });

  t.is(error?.reason, 'version');
});

test('the bytes of exchanges are these', (t) => {
  const frames = new ExchangeFrames();
  const hex = (frame: ExchangeFrame): string => Buffer.from(frames.pack(frame)).toString('hex');

  t.is(hex([ASK, 1, { a: 1 }]), '00000007830101a1616101');
  t.is(hex([ANSWER, 300, 'x']), '00000007830219012c6178');
  t.is(hex([FAIL, 2, 'E', 'm']), '000000078403026145616d');
});

test('frames arrive whole, however they are cut', (t) => {
  const all: readonly ExchangeFrame[] = [
    [ASK, 1, new Uint8Array(300)],
    [ANSWER, 2, undefined],
    [FAIL, 3, 'Error', 'why'],
  ];
  const bytes = Buffer.concat(all.map((frame) => new ExchangeFrames().pack(frame)));
  for (const size of [1, 2, 7, bytes.length]) {
    const reader = new ExchangeFrames();
    const read: ExchangeFrame[] = [];

    for (let at = 0; at < bytes.length; at += size) {
      read.push(...reader.push(bytes.subarray(at, at + size)));
    }

    t.deepEqual(read, all);
  }
});

function framed(hex: string): Buffer {
  const body = Buffer.from(hex, 'hex');
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

const hostile: readonly [what: string, bytes: Uint8Array][] = [
  ['nothing', framed('')],
  ['more than four mebibytes', Buffer.from('00400001', 'hex')],
  ['more than there is memory', Buffer.from('ffffffff', 'hex')],
  ['no CBOR', framed('ff')],
  ['no array', framed('01')],
  ['an array without end', framed('9f')],
  ['half a frame', framed('8301')],
  ['two frames in one', framed('830101f6830102f6')],
  ['an empty frame', framed('80')],
  ['a question without a number', framed('8301f6f6')],
  ['a question of number 0', framed('830100f6')],
  ['a question with a field too many', framed('840101f6f6')],
  ['a frame of another type', framed('830901f6')],
  ['an answer', framed('830201f6')],
  ['an answer that failed', framed('84030161786179')],
  ['a reference', framed('830101d95480f6')],
  ['a payload too deep', framed(`830101${'81'.repeat(64)}f6`)],
  ['a request of HTTP', Buffer.from('GET / HTTP/1.1')],
];

for (const [what, bytes] of hostile) {
  test(`who sends this for a question is hung up on: ${what}`, async (t) => {
    const world = testNodes();
    const a = await world.node('a');
    const b = await world.node('b');
    b.endpoint.exchanges.onAsk((payload) => payload);
    const [session] = [
      await a.endpoint.connect('b:1'),
      await a.endpoint.exchanges.ask('b:1', 1, 9),
    ];
    const line = await dialRaw(world);

    line.connection.write(Uint8Array.from(bytes));
    await world.env.settled();

    t.true(line.hasEnded);
    t.deepEqual(line.frames, []);
    t.true(session.isConnected);
    t.is(await a.endpoint.exchanges.ask('b:1', 2, TIMEOUT_MS), 2);
    const told = world.env.logged.filter(({ message }) => message.includes('rules of exchanges'));
    t.is(told.length, 1);
  });
}

test('who asks more at once than may be is hung up on', async (t) => {
  const world = testNodes();
  const b = await world.node('b');
  let asked = 0;
  b.endpoint.exchanges.onAsk(() => {
    asked += 1;
    return new Promise(() => undefined);
  });
  const line = await dialRaw(world);
  const frames = new ExchangeFrames();

  for (let id = 1; id <= EXCHANGES_MAX + 1; id += 1) {
    line.connection.write(frames.pack([ASK, id, undefined]));
  }
  await world.env.settled();

  t.is(asked, EXCHANGES_MAX);
  t.true(line.hasEnded);
});

test('answers that nobody reads are kept to a bound, and then no more', async (t) => {
  const world = testNodes();
  let bytesPerSecond = Infinity;
  const way = (): Way => ({ delayMs: 0, bytesPerSecond });
  const transport = slowTransport(world.network.transport('b'), world.env, way);
  const b = await world.node('b', { transport });
  b.endpoint.exchanges.onAsk(() => new Uint8Array(3 * MIB));
  const dialled = dialRaw(world);
  await world.env.advance(1);
  const line = await dialled;
  bytesPerSecond = 1;

  line.connection.write(new ExchangeFrames().pack([ASK, 1, undefined]));
  await world.env.settled();
  const afterOne = line.hasEnded;
  line.connection.write(new ExchangeFrames().pack([ASK, 2, undefined]));
  await world.env.settled();

  t.false(afterOne);
  t.true(line.hasEnded);
});

const wrong: readonly [what: string, frame: ExchangeFrame | string][] = [
  ['an answer to a question that was never asked', [ANSWER, 7, undefined]],
  ['a question', [ASK, 1, undefined]],
  ['no frame', 'ffffffff'],
];

for (const [what, frame] of wrong) {
  test(`who answers with this is hung up on: ${what}`, async (t) => {
    const { env, lines, ask } = await answeredBy((line, frames) => {
      const bytes = typeof frame === 'string' ? Buffer.from(frame, 'hex') : frames.pack(frame);
      line.connection.write(Uint8Array.from(bytes));
    });

    const error = await t.throwsAsync(ask(1));
    await env.settled();

    t.true(error instanceof SessionLost || error instanceof Unreachable);
    t.true(lines[0]?.hasEnded);
    t.is(env.timers, 0);
  });
}
