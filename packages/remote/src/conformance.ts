import assert from 'node:assert/strict';
import { errorOf } from '@troupe/actor/internal';
import { type Connection, type Listener, ListenFailed, type Transport } from './transport.ts';

/** Two nodes' view of one network. For a real one, both may be the same transport. */
export interface TransportUnderTest {
  readonly listening: Transport;
  readonly dialling: Transport;
  /** Where `listening` can listen and `dialling` can reach it: port 0, or another each time. */
  readonly freshAddress: () => string;
}

export interface TransportCase {
  /** A claim that holds for every transport. */
  readonly name: string;
  /** @throws {AssertionError} when it does not hold; never ends when an event stays away */
  run(make: () => TransportUnderTest): Promise<void>;
}

const DIAL_TIMEOUT_MS = 5_000;
const MEBIBYTE = 1024 * 1024;

/** What one end of a connection has been told. */
class Heard {
  readonly chunks: Uint8Array[] = [];
  /** One entry for each time it was told of the end. */
  readonly ends: (Error | undefined)[] = [];
  /** One entry for each time it was told that there is room again. */
  readonly drains: true[] = [];
  readonly #changed = new Set<() => void>();

  constructor(connection: Connection) {
    connection.start({
      data: (chunk) => this.#tell(this.chunks, chunk),
      drained: () => this.#tell(this.drains, true),
      closed: (error) => this.#tell(this.ends, error),
    });
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return Buffer.from(this.bytes).toString();
  }

  /** Resolves when so many bytes are there. */
  async read(bytes: number): Promise<void> {
    const count = (): number => this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    while (count() < bytes) await this.#change();
  }

  async drained(): Promise<void> {
    while (this.drains.length === 0) await this.#change();
  }

  async end(): Promise<void> {
    while (this.ends.length === 0) await this.#change();
  }

  #tell<T>(list: T[], item: T): void {
    list.push(item);
    for (const changed of this.#changed) changed();
    this.#changed.clear();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.add(resolve));
  }
}

/** A connection seen from both of its ends, neither of them started. */
interface Pair {
  readonly near: Connection;
  readonly far: Connection;
  readonly listener: Listener;
}

async function connected(network: TransportUnderTest): Promise<Pair> {
  const { listening, dialling } = network;
  let accept!: (connection: Connection) => void;
  const accepted = new Promise<Connection>((resolve) => (accept = resolve));
  const listener = await listening.listen(network.freshAddress(), accept);
  const near = await dialling.dial(listener.address, { timeoutMs: DIAL_TIMEOUT_MS });
  return { near, far: await accepted, listener };
}

/** A claim about one connection; whatever it leaves open is closed. */
function aboutOne(name: string, claim: (pair: Pair) => Promise<void>): TransportCase {
  return {
    name,
    async run(make) {
      const pair = await connected(make());
      try {
        await claim(pair);
      } finally {
        pair.near.destroy();
        pair.far.destroy();
        await pair.listener.close();
      }
    },
  };
}

const streams: readonly TransportCase[] = [
  aboutOne('bytes arrive in the order they were written, in both directions', async (pair) => {
    const [near, far] = [new Heard(pair.near), new Heard(pair.far)];
    for (const letter of 'hello') pair.near.write(Buffer.from(letter));
    for (const letter of 'good day') pair.far.write(Buffer.from(letter));
    await Promise.all([far.read(5), near.read(8)]);
    assert.equal(far.text, 'hello');
    assert.equal(near.text, 'good day');
  }),
  aboutOne('what comes before an end is started waits for it', async ({ near, far }) => {
    near.write(Buffer.from('early, '));
    const answer = new Heard(near);
    far.write(Buffer.from('go')); // By now the other end's bytes are on their way.
    await answer.read(2);
    near.write(Buffer.from('late'));
    const heard = new Heard(far);
    await heard.read(11);
    assert.equal(heard.text, 'early, late');
  }),
  aboutOne('chunks belong to who is given them, for good', async ({ near, far }) => {
    const heard = new Heard(far);
    near.write(Buffer.from('first'));
    await heard.read(5);
    heard.chunks[0]?.fill(0x2e);
    near.write(Buffer.from(' second'));
    await heard.read(12);
    assert.equal(heard.text, '..... second');
  }),
  aboutOne('a write of many mebibytes arrives whole, and is off the books then', async (pair) => {
    const heard = new Heard(pair.far);
    const sent = Buffer.alloc(4 * MEBIBYTE);
    for (let i = 0; i < sent.length; i += 1) sent[i] = i % 251;
    pair.near.write(Uint8Array.from(sent));
    await heard.read(sent.length);
    assert.equal(Buffer.compare(heard.bytes, sent), 0);
    assert.equal(pair.near.bufferedBytes, 0);
  }),
  aboutOne('a connection that is full says so, and says when it has room again', async (pair) => {
    const near = new Heard(pair.near);
    let written = 0;
    let isFull = false;
    // A network that takes whatever it is given, at once, is never full.
    for (; !isFull && written < 64 * MEBIBYTE; written += MEBIBYTE) {
      isFull = !pair.near.write(new Uint8Array(MEBIBYTE));
    }
    const far = new Heard(pair.far);
    if (isFull) await near.drained();
    await far.read(written);
    assert.equal(near.drains.length, isFull ? 1 : 0);
  }),
  aboutOne('both ends know where the other is, and that it is near', async ({ near, far }) => {
    assert.notEqual(near.remoteAddress, '');
    assert.notEqual(far.remoteAddress, '');
    assert.equal(near.isLoopback, true);
    assert.equal(far.isLoopback, true);
  }),
];

const ends: readonly TransportCase[] = [
  aboutOne('close lets arrive what was written, and both are told once', async (pair) => {
    const [near, far] = [new Heard(pair.near), new Heard(pair.far)];
    pair.near.write(Buffer.alloc(MEBIBYTE, 1));
    pair.near.close();
    await Promise.all([near.end(), far.end()]);
    assert.equal(far.bytes.length, MEBIBYTE);
    assert.deepEqual(far.ends, [undefined]);
    assert.deepEqual(near.ends, [undefined]);
  }),
  aboutOne(
    'close lets arrive what was written, though the other side goes on talking',
    async (pair) => {
      const [near, far] = [new Heard(pair.near), new Heard(pair.far)];
      for (let i = 0; i < 64; i += 1) pair.near.write(Buffer.alloc(MEBIBYTE / 8, 1));
      for (let i = 0; i < 64; i += 1) pair.far.write(Buffer.alloc(1_024, 2));
      pair.near.close();
      await Promise.all([near.end(), far.end()]);
      assert.equal(far.bytes.length, 8 * MEBIBYTE);
      assert.equal(near.ends.length, 1);
    },
  ),
  aboutOne('destroy ends both at once, and both are told once', async (pair) => {
    const [near, far] = [new Heard(pair.near), new Heard(pair.far)];
    pair.near.destroy();
    pair.near.destroy();
    await Promise.all([near.end(), far.end()]);
    assert.equal(near.ends.length, 1);
    assert.equal(far.ends.length, 1);
  }),
  aboutOne('both may close at once', async (pair) => {
    const [near, far] = [new Heard(pair.near), new Heard(pair.far)];
    pair.near.close();
    pair.far.close();
    await Promise.all([near.end(), far.end()]);
    assert.equal(near.ends.length, 1);
    assert.equal(far.ends.length, 1);
  }),
  aboutOne('an end that is started late hears all, and then the end', async ({ near, far }) => {
    const closed = new Heard(near);
    near.write(Buffer.from('last words'));
    near.close();
    await closed.end();
    const heard = new Heard(far);
    await heard.end();
    assert.equal(heard.text, 'last words');
    assert.equal(heard.ends.length, 1);
  }),
  aboutOne('an end that was destroyed before its start is told of it', async ({ near }) => {
    near.destroy();
    const heard = new Heard(near);
    await heard.end();
    assert.equal(heard.ends.length, 1);
  }),
  aboutOne('whatever is written after the end is ignored', async ({ near, far }) => {
    const [heard, closed] = [new Heard(far), new Heard(near)];
    near.close();
    near.write(Buffer.from('too late'));
    await Promise.all([heard.end(), closed.end()]);
    near.write(Buffer.from('too late'));
    near.close();
    near.destroy();
    assert.equal(heard.text, '');
    assert.equal(closed.ends.length, 1);
  }),
];

const listening: readonly TransportCase[] = [
  {
    name: 'a listener says where it is dialled, port and all, each at a place of its own',
    async run(make) {
      const network = make();
      const accepted: number[] = [];
      const listen = (n: number): Promise<Listener> =>
        network.listening.listen(network.freshAddress(), (connection) => {
          accepted.push(n);
          connection.close();
        });
      const listeners = [await listen(0), await listen(1)];
      for (const { address } of listeners.toReversed()) {
        assert.doesNotMatch(address, /:0$/);
        const near = await network.dialling.dial(address, { timeoutMs: DIAL_TIMEOUT_MS });
        await new Heard(near).end();
      }
      assert.deepEqual(accepted, [1, 0]);
      for (const listener of listeners) await listener.close();
    },
  },
  {
    name: 'an address that is taken is refused, and free again once it is closed',
    async run(make) {
      const { listening: transport, freshAddress } = make();
      const first = await transport.listen(freshAddress(), hangUp);
      const taken = await transport.listen(first.address, hangUp).catch(errorOf);
      assert.ok(taken instanceof ListenFailed);
      assert.equal(taken.address, first.address);
      await first.close();
      const second = await transport.listen(first.address, hangUp);
      assert.equal(second.address, first.address);
      await second.close();
    },
  },
  {
    name: 'dialling where nobody listens is refused with a reason',
    async run(make) {
      const { listening: transport, dialling, freshAddress } = make();
      const gone = await transport.listen(freshAddress(), hangUp);
      await gone.close();
      const timeoutMs = DIAL_TIMEOUT_MS;
      const refused = await dialling.dial(gone.address, { timeoutMs }).catch(errorOf);
      assert.ok(refused instanceof Error);
      assert.match(refused.message, /connection refused/);
    },
  },
  {
    name: 'connections outlive their listener',
    async run(make) {
      const { near, far, listener } = await connected(make());
      const closed = listener.close();
      const heard = new Heard(far);
      near.write(Buffer.from('still here'));
      await heard.read(10);
      const own = new Heard(near);
      near.close();
      await Promise.all([heard.end(), own.end(), closed]);
      assert.equal(heard.text, 'still here');
    },
  },
];

/** What every transport must hold; a plug-in's own tests run each of them. */
export const transportCases: readonly TransportCase[] = [...streams, ...ends, ...listening];

function hangUp(connection: Connection): void {
  connection.destroy();
}
