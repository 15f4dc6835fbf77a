import test from 'ava';
import {
  type Actor,
  BadArguments,
  type EntityRef,
  Overloaded,
  SessionLost,
  Unreachable,
} from '@troupe/actor';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import { CborCodec, OutsiderClient, type ValuePort, type WebSocketLike } from '@troupe/remote';

interface Room extends Actor {
  say(text: string): string;
  photo(of: string): unknown;
}

const codec = new CborCodec();
const plain: ValuePort = { dehydrate: () => undefined, hydrate: () => undefined };
const WELCOME = [1, 2, 'a', 'ann'];

/** The platform's side of a WebSocket, which a test lets happen. */
class Line implements WebSocketLike {
  binaryType = '';
  bufferedAmount = 0;
  readonly sent: unknown[][] = [];
  isClosed = false;
  readonly #listeners = new Map<string, (event: { data: unknown; reason: string }) => void>();

  send(data: Uint8Array): void {
    this.sent.push(...codec.decodeSequence(data, plain));
  }
  close(): void {
    this.isClosed = true;
  }
  addEventListener(
    type: string,
    listener: (event: { data: unknown; reason: string }) => void,
  ): void {
    this.#listeners.set(type, listener);
  }
  happens(type: 'open' | 'close', reason = ''): void {
    this.#listeners.get(type)?.({ data: undefined, reason });
  }
  /** @returns the memory of the message */
  says(frame: readonly unknown[]): ArrayBuffer {
    const data = Uint8Array.from(codec.encode(frame, plain)).buffer;
    this.#listeners.get('message')?.({ data, reason: '' });
    return data;
  }
}

/** A client, its clock, and the connections that it has made. */
function client(): {
  readonly env: VirtualEnv;
  readonly lines: Line[];
  readonly client: OutsiderClient;
  readonly room: EntityRef<Room>;
} {
  const env = virtualEnv();
  const lines: Line[] = [];
  class Platform extends Line {
    constructor() {
      super();
      lines.push(this);
    }
  }
  const made = new OutsiderClient('ws://node/troupe', { token: 't', WebSocket: Platform, env });
  return { env, lines, client: made, room: made.entity<Room>('room', 'lobby') };
}

test('calls wait for the welcome, and leave in their order', async (t) => {
  const { lines, room } = client();
  const first = room.say('one');
  room.tell.say('two');
  const [line] = lines;

  line?.happens('open');
  t.deepEqual(line?.sent, [[0, 4, 't']]);
  line?.says(WELCOME);
  line?.says([5, 1, 'done']);

  t.is(await first, 'done');
  t.deepEqual(line?.sent.slice(1), [
    [2, 1, ['room', 'lobby'], 'say', ['one'], 10_000],
    [3, ['room', 'lobby'], 'say', ['two']],
  ]);
});

test('bytes that are most of a message stay in its memory, and others are copied', async (t) => {
  const { lines, room } = client();
  const [large, one, two] = [room.photo('large'), room.photo('one'), room.photo('two')];
  const [line] = lines;
  line?.happens('open');
  line?.says(WELCOME);

  const message = line?.says([5, 1, new Uint8Array(100_000).fill(7)]);
  line?.says([5, 2, { photo: new Uint8Array(100).fill(7), of: 'x'.repeat(200) }]);
  line?.says([5, 3, [new Uint8Array(100), new Uint8Array(1_000)]]);

  const photo = (await large) as Uint8Array;
  t.true(photo.buffer === message);
  t.deepEqual(photo, new Uint8Array(100_000).fill(7));
  t.is(((await one) as { photo: Uint8Array }).photo.buffer.byteLength, 100);
  for (const bytes of (await two) as Uint8Array[]) t.is(bytes.buffer.byteLength, bytes.length);
});

test('what waits to be sent has a bound, before the welcome and after', (t) => {
  const { lines, room } = client();
  const text = 'x'.repeat(1_000_000);
  for (let i = 0; i < 4; i += 1) room.tell.say(text);

  t.throws(() => room.tell.say(text), { instanceOf: Overloaded });

  lines[0]?.happens('open');
  lines[0]?.says(WELCOME);
  t.notThrows(() => room.tell.say(text));
  Object.assign(lines[0] ?? {}, { bufferedAmount: 4_000_000 });
  t.throws(() => room.tell.say(text), { instanceOf: Overloaded });
});

test('a node that does not answer is given up, and calls may be tried again', async (t) => {
  const { env, lines, room } = client();
  const call = t.throwsAsync(room.say('hello'), { instanceOf: Unreachable });
  lines[0]?.happens('open');

  await env.advance(5_000);

  t.regex((await call)?.message ?? '', /no welcome within 5000 ms/);
  t.true(lines[0]?.isClosed);
});

test('a node that falls silent is given up, and a ping is a sign of life', async (t) => {
  const { env, lines, room } = client();
  const call = t.throwsAsync(room.with({ timeoutMs: 600_000 }).say('hello'), {
    instanceOf: SessionLost,
  });
  lines[0]?.happens('open');
  lines[0]?.says(WELCOME);

  await env.advance(40_000);
  lines[0]?.says([7]);
  await env.advance(40_000);
  t.false(lines[0]?.isClosed);
  t.deepEqual(lines[0]?.sent.at(-1), [8]);
  await env.advance(20_000);

  t.regex((await call)?.message ?? '', /no sign of life/);
});

test('a name that is too long is refused by the client, and nothing of it is sent', async (t) => {
  const { lines, client: made, room } = client();
  const calls = room as object as Readonly<Record<string, () => Promise<unknown>>>;
  const tells = room.tell as object as Readonly<Record<string, () => void>>;
  const method = 'm'.repeat(1_025);
  const refused = { instanceOf: BadArguments, code: 'ERR_BAD_ARGUMENTS' };
  const first = room.say('one');
  const [line] = lines;
  line?.happens('open');
  line?.says(WELCOME);

  const error = t.throws(() => made.entity<Room>('room', 'x'.repeat(513)), refused);
  t.throws(() => made.entity<Room>('k'.repeat(65), 'lobby'), refused);
  await t.throwsAsync(async () => calls[method]?.(), refused);
  t.throws(() => tells[method]?.(), refused);
  line?.says([5, 1, 'done']);

  t.is(await first, 'done');
  t.regex(error.message, /^client\.entity: the key 'x{32}…' has 513 characters, and 512 is/);
  t.is(line?.sent.length, 2);
});

test('a closed client refuses calls', async (t) => {
  const { client: closed, lines, room } = client();
  const call = t.throwsAsync(room.say('hello'), { instanceOf: Unreachable });

  closed.close();

  await call;
  await t.throwsAsync(room.say('again'), { instanceOf: Unreachable, message: /was closed/ });
  t.is(lines.length, 1);
});

for (const [what, frame] of [
  ['a type that is none', [99]],
  ['a welcome without a name', [1, 1]],
  ['an outcome without a number', [5, 'x', 1]],
] as const) {
  test(`${what} ends the connection`, async (t) => {
    const { lines, room } = client();
    const call = t.throwsAsync(room.say('hello'));
    lines[0]?.happens('open');

    lines[0]?.says(frame);

    await call;
    t.true(lines[0]?.isClosed);
  });
}
