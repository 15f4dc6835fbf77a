import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import {
  Actor,
  actor,
  type ActorRef,
  type AnyRef,
  Cancelled,
  type Channel,
  channel,
  ChannelClosed,
  ChannelLost,
  DeadlineExceeded,
  type Down,
  type Env,
  NotSerializable,
  Overloaded,
  type Receiver,
  RemoteError,
  rpc,
  type Sender,
  SessionLost,
  Unauthorized,
} from '@troupe/actor';
import { CborCodec, connect, type ValuePort } from '@troupe/remote';
import { env, visit, type Visit } from './visit.js';

class OddError extends Error {}

@actor({ kind: 'room' })
class Room extends Actor {
  readonly history: Channel<string> = channel<string>(1_000, { env });
  readonly #narrow: Channel<string> = channel<string>(1, { env });
  readonly #listeners: Sender<string>[] = [];
  ended = false;
  why: unknown;
  @rpc join(lines: Sender<string>): void {
    this.#listeners.push(lines);
  }
  @rpc async say(text: string): Promise<void> {
    for (const lines of this.#listeners) await lines.send(text);
    this.history.trySend(text);
  }
  @rpc ends(): { readonly sender: Sender<string>; readonly receiver: Receiver<string> } {
    return { sender: this.history.sender, receiver: this.history.receiver };
  }
  @rpc narrow(): Sender<string> {
    return this.#narrow.sender;
  }
  @rpc async take(count: number): Promise<readonly string[]> {
    const taken: string[] = [];
    while (taken.length < count) taken.push(await this.#narrow.receive());
    return taken;
  }
  @rpc length(): number {
    return this.history.length;
  }
  @rpc close(): void {
    this.history.close();
  }
  @rpc async *count(end: number): AsyncGenerator<number> {
    try {
      for (let i = 0; i < end; i += 1) yield i;
    } finally {
      this.ended = true;
    }
  }
  @rpc guest(): AnyRef {
    return this.spawn(Room);
  }
  @rpc echo<T>(value: T): Promise<T> {
    return Promise.resolve(value);
  }
  @rpc({ interleave: true }) wait(): Promise<void> {
    const { signal } = this.ctx;
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        this.why = signal.reason;
        resolve();
      });
    });
  }
  /** Lets its caller see how a call of its own fails. */
  @rpc waitInVain(): never {
    throw new DeadlineExceeded('b/room/#1', 10, 'unknown');
  }
  @rpc stackOf(error: object): unknown {
    return ('remoteStack' in error ? error.remoteStack : undefined) ?? 'none';
  }
  @rpc fail(): void {
    throw new RangeError('odd', { cause: new OddError('odder') });
  }
  @rpc reason(): unknown {
    return this.why;
  }
  @rpc other(): ActorRef<Room> {
    return this.spawn(Room);
  }
  @rpc lastWords(): string {
    this.stop();
    return 'bye';
  }
  @rpc secret(): string {
    return 'secret';
  }
  @rpc me(): AnyRef {
    return this.self();
  }
  /** An end, beside what cannot travel. */
  @rpc spoiled(): unknown {
    return [this.history.receiver, this.count(1), Symbol('odd')];
  }
  @rpc hasEnded(): boolean {
    return this.ended;
  }
  @rpc async sum(numbers: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const number of numbers) sum += number;
    return sum;
  }
  @rpc async *big(items: number): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < items; i += 1) yield new Uint8Array(100_000);
  }
}

/** A room, and a client that may do all but close its log. */
function visited(t: ExecutionContext, clientEnv: Env = env): Promise<Visit<Room>> {
  return visit(t, Room, { clientEnv });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('errors cross from a client too, and so does why it has aborted a call', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');
  const abort = new AbortController();
  const call = room.with({ signal: abort.signal }).wait();
  const seen = await room.echo(new RangeError('odd')); // By now the call has begun.

  abort.abort(new RangeError('enough'));
  await t.throwsAsync(call, { instanceOf: Cancelled });

  t.true(seen instanceof RangeError);
  t.like(await room.reason(), { name: 'RangeError', message: 'enough' });
});

test('where an error was thrown is told neither to a client nor to a node', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');

  const thrown = await t.throwsAsync(room.fail(), { instanceOf: RangeError });
  const sent = await room.stackOf(new RangeError('odd'));
  const unknown = await room.stackOf(new OddError('odd'));

  t.false('remoteStack' in thrown);
  t.true(thrown.cause instanceof RemoteError);
  t.is((thrown.cause as RemoteError).remoteStack, undefined);
  t.deepEqual([sent, unknown], ['none', 'none']);
});

test('a client gives back references that it has forgotten, and can then be given others', async (t) => {
  const forgotten: (() => void)[] = [];
  const whenCollected = (_value: object, run: () => void): void => void forgotten.push(run);
  const { client } = await visited(t, { ...env, whenCollected });
  const room = client.entity(Room, 'lobby');
  const guests = 1_024;
  for (let i = 0; i < guests; i += 128) {
    await Promise.all(Array.from({ length: 128 }, () => room.guest()));
  }
  await t.throwsAsync(room.guest(), { instanceOf: NotSerializable });

  for (const run of forgotten.splice(0)) run();

  await t.notThrowsAsync(Promise.all(Array.from({ length: 128 }, () => room.guest())));
});

test('a reference that a client is given again is the same, and is given back once for all', async (t) => {
  const forgotten: (() => void)[] = [];
  const whenCollected = (_value: object, run: () => void): void => void forgotten.push(run);
  const { client } = await visited(t, { ...env, whenCollected });
  const room = client.entity(Room, 'lobby');

  const [first, second] = [await room.me(), await room.me()];

  t.is(first, second);
  t.is(forgotten.length, 1);
});

test('what was given back is known no more', async (t) => {
  const forgotten: (() => void)[] = [];
  const whenCollected = (_value: object, run: () => void): void => void forgotten.push(run);
  const { client } = await visited(t, { ...env, whenCollected });
  const room = client.entity(Room, 'lobby');
  const guest = await room.guest();

  for (const run of forgotten.splice(0)) run();

  // Of an honest client nobody could send it any more: the collector has had it.
  await t.throwsAsync(room.echo(guest), { instanceOf: SessionLost });
});

test('a client hands out the end of a channel of its own, and is sent what others say', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');
  const lines = channel<string>(16, { env });

  await room.join(lines.sender);
  for (const text of ['hello', 'and', 'bye']) await room.say(text);

  t.deepEqual(
    [await lines.receive(), await lines.receive(), await lines.receive()],
    ['hello', 'and', 'bye'],
  );
});

test('a client sends and receives by the ends that a node hands out, and learns of the close', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');
  const { sender, receiver } = await room.ends();
  t.deepEqual([sender.remote, receiver.remote, sender.capacity], [true, true, 1_000]);

  for (let i = 0; i < 600; i += 1) await sender.send(String(i));
  const got: string[] = [];
  for await (const text of receiver) {
    got.push(text);
    if (got.length === 600) await room.close();
  }

  t.deepEqual(
    got,
    Array.from({ length: 600 }, (_, i) => String(i)),
  );
  await t.throwsAsync(sender.send('more'), { instanceOf: ChannelClosed });
});

test('what a client has fetched ahead goes back when it lets go of its end', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');
  const { sender, receiver } = await room.ends();
  for (let i = 0; i < 100; i += 1) await sender.send(String(i), { ack: true });
  for (let i = 0; i < 10; i += 1) await receiver.receive();

  receiver[Symbol.dispose]();

  t.is(await room.length(), 90);
});

test('a generator method is a stream for a client too, and leaving it ends its source', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');

  t.deepEqual(
    await collect(room.count(200)),
    Array.from({ length: 200 }, (_, i) => i),
  );
  for await (const number of room.count(1_000_000)) if (number === 5) break;

  t.true(await room.hasEnded());
});

test('streams of a client are read by the node, and large items wait for room', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');
  async function* numbers(): AsyncGenerator<number> {
    for (let i = 1; i <= 100; i += 1) yield i;
  }

  t.is(await room.sum(numbers()), 5_050);
  const items = await collect(room.big(100));

  t.is(
    items.reduce((sum, { length }) => sum + length, 0),
    10_000_000,
  );
});

test('a client that may monitor an actor is told when it is down, once', async (t) => {
  const { client, system, actor } = await visited(t);
  const downs: Down[] = [];
  const forgotten: Down[] = [];
  client.monitor(client.entity(Room, 'lobby'), (down) => downs.push(down));
  client.monitor(client.entity(Room, 'lobby'), (down) => forgotten.push(down))();
  t.is(await client.entity(Room, 'lobby').length(), 0);

  await system.stopActor(actor);
  await t.throwsAsync(client.entity(Room, 'lobby').length());

  t.deepEqual(downs, [{ address: 'room/lobby', reason: { kind: 'stopped' } }]);
  t.deepEqual(forgotten, []);
});

test('a client without the right gets no end, no stream and no word of an actor', async (t) => {
  const { door } = await visited(t);
  const bob = await connect(door.address, { token: 'bob', WebSocket, env });
  const room = bob.entity(Room, 'lobby');
  const down = new Promise<Down>((resolve) => bob.monitor(room, resolve));

  await t.throwsAsync(room.ends(), { instanceOf: Unauthorized });
  await t.throwsAsync(collect(room.count(1)), { instanceOf: Unauthorized });
  const { reason } = await down;

  t.is(reason.kind, 'node-down');
  t.true('error' in reason && reason.error instanceof Unauthorized);
  bob.close();
});

test('with its connection everything of a client ends, on both sides, and never quietly', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');
  const { receiver, sender } = await room.ends();
  const stream = await room.count(1_000);
  await stream.next();
  const downs: Down[] = [];
  client.monitor(room, (down) => downs.push(down));
  await sender.send('one', { ack: true });
  t.is(await receiver.receive(), 'one');
  const waiting = t.throwsAsync(receiver.receive(), { instanceOf: ChannelLost });

  client.close();

  await waiting;
  await t.throwsAsync(sender.send('two'), { instanceOf: ChannelLost });
  await t.throwsAsync(collect(stream), { instanceOf: SessionLost });
  t.is(downs[0]?.reason.kind, 'node-down');
});

test('a client is told that an actor is down after all that it has said', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');
  const told: string[] = [];
  const down = new Promise<void>((resolve) => {
    client.monitor(room, () => {
      told.push('down');
      resolve();
    });
  });
  const words = room.lastWords().then((text) => told.push(text));

  await Promise.all([words, down]);

  t.deepEqual(told, ['bye', 'down']);
});

test('a client needs permission for each method of an actor that it was given too', async (t) => {
  const { client } = await visited(t);
  const other = await client.entity(Room, 'lobby').other();

  t.is(await other.length(), 0);
  await t.throwsAsync(other.secret(), { instanceOf: Unauthorized });
});

for (const name of ['~link', '~unlink']) {
  test(`an actor takes no ${name} of a client, whatever else that may ask of it`, async (t) => {
    const { client, system } = await visited(t);
    const room = client.entity(Room, 'lobby');
    const { tell } = room as unknown as { tell: Record<string, (other: unknown) => void> };

    tell[name]?.(await room.other());
    await room.length();

    t.is(system.deadLetters, 1);
  });
}

test('a client has 256 monitors, and no more', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');
  for (let i = 0; i < 256; i += 1) client.monitor(room, () => undefined);

  const { reason } = await new Promise<Down>((resolve) => client.monitor(room, resolve));

  t.is(reason.kind, 'node-down');
  t.true('error' in reason && reason.error instanceof Overloaded);
});

const codec = new CborCodec();
const plain: ValuePort = { dehydrate: () => undefined, hydrate: () => undefined };

/** What one that has been let in may send against all rules. */
const breaches: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  'an end opened twice': [
    [10, 2],
    [10, 2],
  ],
  'elements for an end to receive by': [
    [10, 4],
    [11, 4, ['x']],
  ],
  'more elements than there is a window for': [
    [10, 2],
    [11, 2, new Array(257).fill('x')],
  ],
  'more elements asked for than anybody needs': [
    [10, 4],
    [12, 4, 5_000, 0],
  ],
  'more taken than was sent': [
    [10, 4],
    [14, 4, 7],
  ],
  'one number for two monitors': [
    [19, 9, ['room', 'lobby']],
    [19, 9, ['room', 'lobby']],
  ],
};

/** One that speaks as `ann` frame by frame, and has been let in. */
async function spoken(t: ExecutionContext) {
  const { door, client } = await visited(t);
  const socket = new WebSocket(door.address);
  t.teardown(() => socket.terminate());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const say = (frame: readonly unknown[]): void => socket.send(codec.encode(frame, plain));
  const heard = (): Promise<unknown[]> =>
    new Promise((resolve) => {
      socket.once('message', (message) => {
        const [frame = []] = codec.decodeSequence(message as Buffer, plain);
        resolve(frame);
      });
    });
  const answerOf = (id: number): Promise<unknown[]> =>
    new Promise((resolve) => {
      socket.on('message', function look(message) {
        const [frame = []] = codec.decodeSequence(message as Buffer, plain);
        if ((frame[0] !== 5 && frame[0] !== 6) || frame[1] !== id) return;
        socket.off('message', look);
        resolve(frame);
      });
    });
  socket.once('open', () => say([0, 2, 'ann']));
  await heard();
  return { door, client, socket, closed, say, heard, answerOf };
}

for (const [what, frames] of Object.entries(breaches)) {
  test(`${what} ends the connection of a client`, async (t) => {
    const { door, closed, say, heard } = await spoken(t);
    say([2, 1, ['room', 'lobby'], 'ends', [], 1_000]);
    await heard();

    for (const frame of frames) say(frame);

    await t.notThrowsAsync(closed);
    t.is(door.size, 1);
  });
}

for (const [what, ...how] of [
  ['lets go of', 3],
  ['closes', 1, null],
] as const) {
  test(`an end that a client ${what} counts until its channel has all that was sent`, async (t) => {
    const { say, answerOf } = await spoken(t);
    const ask = (id: number, method: string, ...args: unknown[]): Promise<unknown[]> => {
      say([2, id, ['room', 'lobby'], method, args, 10_000]);
      return answerOf(id);
    };
    for (let id = 1; id <= 256; id += 1) {
      t.is((await ask(id, 'narrow'))[0], 5);
      say([10, 2 * id]);
      say([11, 2 * id, [`${id}`, `${id} more`]]);
      say([13, 2 * id, ...(id === 256 ? how : [3])]);
    }

    const [refused] = await ask(257, 'narrow');
    const [, , taken] = await ask(258, 'take', 512);
    const [given] = await ask(259, 'narrow');

    t.deepEqual([refused, given], [6, 5]);
    t.is(new Set(taken as string[]).size, 512);
  });
}

test('a client has 256 calls under way, and one more is refused by its number', async (t) => {
  const { say, heard } = await spoken(t);
  const answer = heard();

  for (let id = 1; id <= 257; id += 1) say([2, id, ['room', 'lobby'], 'wait', [], 60_000]);

  t.deepEqual((await answer).slice(0, 2), [6, 257]);
});

test('calls of a client that run out of time count until the next ping: their methods go on', async (t) => {
  const { say, socket, client } = await spoken(t);
  const refused = new Promise<unknown>((resolve) => {
    socket.on('message', (message) => {
      const [frame = []] = codec.decodeSequence(message as Buffer, {
        ...plain,
        hydrate: (_, content) => content,
      });
      if (String(frame[2]).includes('ran out of time')) resolve(frame[0]);
      else if (frame[0] === 6) ask(Number(frame[1]) + 200);
    });
  });
  const ask = (id: number): void => say([2, id, ['room', 'lobby'], 'wait', [], 1]);

  for (let id = 1; id <= 200; id += 1) ask(id);

  t.is(await refused, 6);
  t.is(await client.entity(Room, 'lobby').length(), 0);
});

test('calls of a client whose methods were late themselves do not count: they are over', async (t) => {
  const { client } = await visit(t, Room);
  const room = client.entity(Room, 'lobby');

  for (let batch = 1; batch <= 5; batch += 1) {
    await Promise.allSettled(Array.from({ length: 220 }, () => room.waitInVain()));
  }

  t.is(await room.length(), 0);
});

test('a client that reads none of its answers is hung up on', async (t) => {
  const { door, client, socket, say } = await spoken(t);
  const room = client.entity(Room, 'lobby');
  socket.pause();

  for (let id = 1; id <= 60; id += 1) {
    say([2, id, ['room', 'lobby'], 'echo', [new Uint8Array(900_000)], 60_000]);
  }
  while (door.size > 1) await room.length();

  t.is(door.size, 1);
});

test('what an answer gives that cannot be sent is given to nobody, and takes no place', async (t) => {
  const { client } = await visited(t);
  const room = client.entity(Room, 'lobby');

  for (let i = 0; i < 300; i += 1) {
    await t.throwsAsync(room.spoiled(), { instanceOf: NotSerializable });
  }

  const { receiver } = await room.ends();
  await room.say('still here');
  t.is(await receiver.receive(), 'still here');
});

test('a client of the first version is given neither ends nor streams', async (t) => {
  const { door } = await visited(t);
  const socket = new WebSocket(door.address);
  const heard = async (): Promise<unknown[] | undefined> => {
    const data = await new Promise<Uint8Array>((resolve) => socket.once('message', resolve));
    return codec.decodeSequence(data, plain)[0];
  };
  socket.once('open', () => socket.send(codec.encode([0, 1, 'ann'], plain)));
  t.deepEqual(await heard(), [1, 1, 'a', 'ann']);

  socket.send(codec.encode([2, 1, ['room', 'lobby'], 'ends', [], 1_000], plain));

  t.deepEqual((await heard())?.slice(0, 2), [6, 1]);
  socket.close();
});
