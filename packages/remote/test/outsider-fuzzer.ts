import { ActorSystem, isCallError } from '@troupe/actor';
import { xorshift } from '@troupe/actor/internal';
import { virtualEnv } from '@troupe/actor/testing';
import {
  BadBytes,
  BadFrame,
  CborCodec,
  type Connection,
  MemoryNetwork,
  OutsiderClient,
  type WebSocketLike,
} from '@troupe/remote';
import { Leftovers } from '../dist/leaving-ends.js';
import { OUTSIDER_LIMITS } from '../dist/outsider-frames.js';
import { OutsiderSession } from '../dist/outsider-session.js';
import { Deeds, Target } from './deeds.ts';
import { Fuzzer } from './fuzzer.ts';

const DEEDS = 30;
/** By then whatever was under way has been answered, or given up. */
const PATIENCE_MS = 120_000;

type Listener = (event: { readonly data: unknown; readonly reason: string }) => void;

/** A WebSocket over the network of a test; what its two sides say may be bent. */
class Socket implements WebSocketLike {
  binaryType = '';
  readonly bufferedAmount = 0;
  readonly #listeners = new Map<string, Listener>();
  readonly #connection: Promise<Connection>;

  constructor(dial: () => Promise<Connection>) {
    this.#connection = dial();
    void this.#connection.then((connection) => {
      connection.start({
        data: (bytes) => this.#tell('message', Uint8Array.from(bytes).buffer),
        closed: () => this.#tell('close', undefined),
      });
      this.#tell('open', undefined);
    });
  }

  send(data: Uint8Array): void {
    void this.#connection.then((connection) => connection.write(data));
  }

  close(): void {
    void this.#connection.then((connection) => connection.close());
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  #tell(type: string, data: unknown): void {
    this.#listeners.get(type)?.({ data, reason: '' });
  }
}

/**
 * Lets a client and a node talk while every so manyeth of their messages is bent.
 * @returns messages bent, and connections ended by the node for what it was sent
 * @throws when the node or the client does anything but go on or end the connection
 */
export async function fuzzOutsider(
  seed: number,
): Promise<{ readonly bends: number; readonly broken: number }> {
  const random = xorshift(seed);
  const fuzzer = new Fuzzer(new CborCodec(), seed);
  const env = virtualEnv(seed);
  const network = new MemoryNetwork();
  const system = new ActorSystem({ name: 'a', env });
  const [target, honest] = [system.spawn(Target, env), system.spawn(Target, env)];
  const way = { oneIn: 2 + Math.floor(random() * 20), bends: 0 };

  const bent = (connection: Connection): Connection => {
    const write = connection.write.bind(connection);
    connection.write = (bytes) => {
      if (way.oneIn === 0 || random() >= 1 / way.oneIn) return write(bytes);
      way.bends += 1;
      const changed = random() < 0.8 ? fuzzer.bent(bytes) : bytes;
      for (let times = Math.floor(random() * 3); times >= 0; times -= 1) write(changed);
      return true;
    };
    return connection;
  };
  await network.transport('a').listen('a:1', (connection) => {
    void new OutsiderSession(bent(connection), {
      node: 'a',
      env,
      log: env.log,
      edge: [],
      system,
      codec: new CborCodec(OUTSIDER_LIMITS),
      router: {
        refer: (_, key) => (key === 'honest' ? honest : target),
        entityOf: () => ['target', 'x'],
      },
      authenticate: (token) => ({ name: token }),
      permits: () => true,
      leftovers: new Leftovers(),
      ended() {},
    });
  });
  const dial = async (): Promise<Connection> =>
    bent(await network.transport('page').dial('a:1', { timeoutMs: 1_000 }));
  class Page extends Socket {
    constructor() {
      super(dial);
    }
  }
  const client = new OutsiderClient('ws://a', { token: 'ann', WebSocket: Page, env });

  const used = client.entity<Target>('target', 'x');
  const deeds = new Deeds(used, (ref) => client.monitor(ref, () => undefined), random);
  for (let i = 0; i < DEEDS; i += 1) {
    deeds.next();
    if (random() < 0.7) await env.settled();
    if (random() < 0.2) await env.advance(random() * 2_000);
  }
  client.close();
  await env.advance(PATIENCE_MS);
  way.oneIn = 0;

  if (deeds.underWay > 0) throw new Error(`${deeds.underWay} waits of a client never ended`);
  const next = new OutsiderClient('ws://a', { token: 'bob', WebSocket: Page, env });
  const answer = next.entity<Target>('target', 'honest').echo('honest');
  await env.advance(1_000);
  if ((await answer) !== 'honest') throw new Error('an honest client was not served');
  next.close();
  return { bends: way.bends, broken: brokenBy(env.logged) };
}

function brokenBy(logged: readonly { fields: object; message: string }[]): number {
  let broken = 0;
  for (const { fields, message } of logged) {
    if (message !== 'a client broke the protocol') continue;
    const error: unknown = 'error' in fields ? fields.error : undefined;
    if (!(error instanceof BadFrame || error instanceof BadBytes || isCallError(error))) {
      throw new Error(`logged: ${message}`, { cause: error });
    }
    broken += 1;
  }
  return broken;
}
