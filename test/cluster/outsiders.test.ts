import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import test from 'ava';
import { WebSocket } from 'ws';
import { CborCodec, type ValuePort } from '@troupe/remote';
import {
  Actor,
  actor,
  type ActorRef,
  type CallError,
  connect,
  type Down,
  type Log,
  type LogFields,
  type Node,
  type NodeOptions,
  OutsiderRefused,
  type OutsiderClient,
  type OutsiderOptions,
  processEnv,
  rpc,
  SessionLost,
  startNode,
  Unauthorized,
  Unreachable,
} from 'troupe';

export class NoMore extends Error {
  override readonly name = 'NoMore';
}

@actor({ kind: 'ticket' })
class Ticket extends Actor {
  @rpc number(): number {
    return 7;
  }
}

@actor({ kind: 'counter' })
class Counter extends Actor {
  #count = 0;
  @rpc add(by: number): number {
    return (this.#count += by);
  }
  @rpc reset(): void {
    this.#count = 0;
  }
  @rpc refuse(): void {
    throw new NoMore('that was the last');
  }
  @rpc issue(): ActorRef<Ticket> {
    return this.spawn(Ticket);
  }
  /** Counts to `end`, for somebody who wants to be told. */
  @rpc async countTo(end: number, told: (count: number) => Promise<void>): Promise<number> {
    while (this.#count < end) await told((this.#count += 1));
    return this.#count;
  }
  @rpc redeem(ticket: ActorRef<Ticket>): Promise<number> {
    return ticket.number();
  }
  @rpc never(): Promise<void> {
    const { signal } = this.ctx;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }
}

/** A log that keeps what it is told. */
class Kept implements Log {
  readonly lines: string[] = [];
  debug(): void {}
  info(): void {}
  warn(fields: LogFields, message: string): void {
    this.lines.push(`${message}: ${JSON.stringify(fields)}`);
  }
  error(fields: LogFields, message: string): void {
    this.warn(fields, message);
  }
}

/** Claims to be a reference that the node has handed out. */
class Invented {}

const codec = new CborCodec();
const inventions: ValuePort = {
  dehydrate: (value) => (value instanceof Invented ? { tag: 0, content: 77 } : undefined),
  hydrate: () => undefined,
};

const LISTEN = 'ws://127.0.0.1:0/troupe';

/** Ann may do all but reset, Bob may look at tickets. */
const outsiders: OutsiderOptions = {
  listen: LISTEN,
  origins: ['https://app.example'],
  authenticate: (token) => (token.startsWith('let-in-') ? { name: token.slice(7) } : undefined),
  permits: ({ name }, { kind, method }) =>
    name === 'ann' ? method !== 'reset' : kind === 'ticket' && method === 'number',
};

function start(options: NodeOptions = {}): Promise<Node> {
  const env = processEnv({ log: new Kept() });
  const actors = [Counter, Ticket];
  return startNode({ name: 'a', actors, errors: [NoMore], env, outsiders, ...options });
}

function enter(node: Node, token = 'let-in-ann'): Promise<OutsiderClient> {
  return connect(node.outsiderAddress, { token, errors: [NoMore], WebSocket });
}

test('a client outside calls entities as one inside would', async (t) => {
  await using node = await start();
  const client = await enter(node);

  const counter = client.entity(Counter, 'x');

  t.is(client.name, 'ann');
  t.is(await counter.add(2), 2);
  counter.tell.add(1);
  t.is(await client.entity<Counter>('counter', 'x').add(1), 4);
  t.is(await node.entity(Counter, 'x').add(0), 4);
  client.close();
});

test('what is not permitted does not happen, and other tokens have other rights', async (t) => {
  await using node = await start();
  const ann = await enter(node);
  const bob = await enter(node, 'let-in-bob');
  await ann.entity(Counter, 'x').add(5);

  const reset = await t.throwsAsync(ann.entity(Counter, 'x').reset(), { instanceOf: Unauthorized });
  ann.entity(Counter, 'x').tell.reset();
  await t.throwsAsync(bob.entity(Counter, 'x').add(1), { instanceOf: Unauthorized });

  t.is(reset?.executed, 'no');
  t.is(await bob.entity(Ticket, 'y').number(), 7);
  t.is(await ann.entity(Counter, 'x').add(0), 5);
  ann.close();
  bob.close();
});

test('the edge of the node sees what a client sends, and may refuse it', async (t) => {
  const seen: unknown[] = [];
  await using node = await start({
    edgeInterceptors: [
      ({ kind, to, method, from }, next) => {
        seen.push([kind, to, method, from.kind, from.name]);
        if (method === 'issue' || kind === 'monitor') throw new Unauthorized(to, method);
        return next();
      },
    ],
  });
  const client = await enter(node);
  const counter = client.entity(Counter, 'x');

  counter.tell.add(1);
  t.is(await counter.add(2), 3);
  const error = await t.throwsAsync(counter.issue(), { instanceOf: Unauthorized });
  const { reason } = await new Promise<Down>((resolve) => client.monitor(counter, resolve));

  t.is(error?.executed, 'no');
  t.true('error' in reason && reason.error instanceof Unauthorized);
  t.deepEqual(seen, [
    ['tell', 'counter/x', 'add', 'outsider', 'ann'],
    ['call', 'counter/x', 'add', 'outsider', 'ann'],
    ['call', 'counter/x', 'issue', 'outsider', 'ann'],
    ['monitor', 'counter/x', 'monitor', 'outsider', 'ann'],
  ]);
  client.close();
});

test('the services of nodes are no entities, whatever is permitted', async (t) => {
  await using node = await start({ outsiders: { ...outsiders, permits: () => true } });
  const client = await enter(node);
  const members = client.entity<{ exchange(): void } & Actor>('members', 'members');

  const error = await t.throwsAsync<CallError>(members.with({ timeoutMs: 100 }).exchange());

  t.is(error?.code, 'ERR_DEADLINE_EXCEEDED'); // Nobody hosts such a kind.
  client.close();
});

test('references that are handed out can be called and sent back, by their owner only', async (t) => {
  await using node = await start();
  const ann = await enter(node);
  const bob = await enter(node, 'let-in-bob');
  const counter = ann.entity(Counter, 'x');

  const ticket = await counter.issue();

  t.is(await ticket.number(), 7);
  t.is(await counter.redeem(ticket), 7);
  const stolen = bob.entity(Counter, 'x').redeem(ticket);
  await t.throwsAsync(stolen, { message: /has not handed out/ });
  ann.close();
  await t.throwsAsync(ticket.number(), { instanceOf: Unreachable });
  bob.close();
});

test('an entity of another node calls a function of a client by way of the node that it is at', async (t) => {
  await using a = await start({ listen: '127.0.0.1:0', actors: [] });
  await using b = await startNode({ name: 'b', join: [a.address], actors: [Counter] });
  const client = await enter(a);
  const counts: number[] = [];

  const end = await client.entity(Counter, 'x').countTo(3, async (count) => {
    counts.push(count);
  });

  t.deepEqual([end, counts, b.members().length], [3, [1, 2, 3], 2]);
  client.close();
});

test('errors arrive as themselves, without the stack of the server', async (t) => {
  await using node = await start();
  const client = await enter(node);

  const error = await t.throwsAsync(client.entity(Counter, 'x').refuse(), { instanceOf: NoMore });

  t.is(error?.message, 'that was the last');
  t.false(JSON.stringify(error, ['stack', 'remoteStack']).includes('outsiders.test'));
  client.close();
});

test('a call ends with its deadline and its signal, and a node that stops answers what runs', async (t) => {
  await using node = await start();
  const client = await enter(node);
  const counter = client.entity(Counter, 'x');
  const abort = new AbortController();

  const late = t.throwsAsync<CallError>(counter.with({ timeoutMs: 50 }).never());
  t.is((await late)?.code, 'ERR_DEADLINE_EXCEEDED');
  const cancelled = t.throwsAsync<CallError>(counter.with({ signal: abort.signal }).never());
  abort.abort();
  t.is((await cancelled)?.code, 'ERR_CANCELLED');
  const running = client.entity(Counter, 'y').never();
  await client.entity(Counter, 'z').add(1);
  await node.stop(1_000);

  t.is(await running, undefined);
  const after = await t.throwsAsync<CallError>(counter.add(1));
  t.regex(after?.code ?? '', /^ERR_(UNREACHABLE|SESSION_LOST)$/);
  client.close();
});

test('a token that is not accepted, none, and a door that is not there are told apart', async (t) => {
  const log = new Kept();
  const node = await start({ env: processEnv({ log }) });

  const wrong = await t.throwsAsync(enter(node, 'guess'), { instanceOf: OutsiderRefused });
  const address = node.outsiderAddress;
  const failing = connect(address, {
    token: () => Promise.reject(new Error('logged out')),
    WebSocket,
  });
  await t.throwsAsync(failing, { instanceOf: Unreachable, message: /logged out/ });
  await node.stop();

  t.regex(wrong?.message ?? '', /token is not accepted/);
  t.is(log.lines.filter((line) => line.includes('an outsider was refused')).length, 1);
  t.false(log.lines.join().includes('guess'));
  const gone = connect(address, { token: 'let-in-ann', WebSocket });
  await t.throwsAsync(gone, { instanceOf: Unreachable });
});

for (const [origin, isLetIn] of [
  ['https://app.example', true],
  ['https://evil.example', false],
  ['null', false],
] as const) {
  test(`a page of ${origin} is ${isLetIn ? 'let in' : 'turned away'}`, async (t) => {
    await using node = await start();
    class Page extends WebSocket {
      constructor(url: string) {
        super(url, { origin });
      }
    }

    const entering = connect(node.outsiderAddress, { token: 'let-in-ann', WebSocket: Page });

    if (isLetIn) (await entering).close();
    else await t.throwsAsync(entering, { instanceOf: Unreachable });
    t.pass();
  });
}

test('a client is let in again after its connection was lost', async (t) => {
  const server = createServer();
  const sockets: Duplex[] = [];
  server.on('upgrade', (_, socket) => sockets.push(socket));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await using node = await start({ outsiders: { ...outsiders, server } });
  const url = `ws://127.0.0.1:${port}/troupe`;
  const client = await connect(url, { token: 'let-in-ann', WebSocket });
  const counter = client.entity(Counter, 'x');
  await counter.add(1);
  const lost = t.throwsAsync(counter.never(), { instanceOf: SessionLost });

  for (const socket of sockets) socket.destroy();
  await lost;

  t.is(await counter.add(1), 2);
  client.close();
  await node.stop();
  server.close();
});

for (const [what, hostile] of [
  [
    'a call before the token',
    Buffer.from([0x85, 2, 1, 0x82, 0x61, 0x61, 0x61, 0x62, 0x61, 0x63, 0x80]),
  ],
  ['noise', Buffer.from('GET / HTTP/1.1')],
  ['a message that is too long', Buffer.alloc(2 * 1024 * 1024)],
] as const) {
  test(`${what} ends the connection, and the node goes on`, async (t) => {
    await using node = await start();
    const socket = new WebSocket(node.outsiderAddress);
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.once('open', () => socket.send(hostile));

    await closed;

    const client = await enter(node);
    t.is(await client.entity(Counter, 'x').add(1), 1);
    client.close();
  });
}

/** What one that has been let in may send against all rules: frames, and what they mean. */
const breaches: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  'a call of nothing': [[2, 1, null, 'add', [], 1_000]],
  'a call of a service': [[2, 1, 'members', 'exchange', [], 1_000]],
  'one number for two calls': [
    [2, 1, ['counter', 'x'], 'never', [], 1_000],
    [2, 1, ['counter', 'x'], 'never', [], 1_000],
  ],
  'a reference that was never handed out': [[3, ['counter', 'x'], 'redeem', [new Invented()]]],
  'a second token': [[0, 1, 'let-in-bob']],
  'a type of frame that is none': [[99]],
  'thousands of calls taken back': Array.from({ length: 2_000 }, (_, id) => [4, id]),
};

for (const [what, frames] of Object.entries(breaches)) {
  test(`${what} ends the connection of a client that was let in`, async (t) => {
    const log = new Kept();
    await using node = await start({ env: processEnv({ log }) });
    const socket = new WebSocket(node.outsiderAddress);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.once('open', () => socket.send(codec.encode([0, 1, 'let-in-ann'], inventions)));
    await new Promise((resolve) => socket.once('message', resolve));

    for (const frame of frames) socket.send(codec.encode(frame, inventions));

    await closed;
    t.is(log.lines.filter((line) => line.startsWith('a client broke the protocol')).length, 1);
    const client = await enter(node);
    t.is(await client.entity(Counter, 'y').add(1), 1);
    client.close();
  });
}
