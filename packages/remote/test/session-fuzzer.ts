import {
  Actor,
  type ActorRef,
  channel,
  type Env,
  isCallError,
  type Receiver,
  rpc,
  type Sender,
} from '@troupe/actor';
import { xorshift } from '@troupe/actor/internal';
import { BadBytes, BadFrame, CborCodec } from '@troupe/remote';
import { Bender } from './bender.ts';
import { Fuzzer } from './fuzzer.ts';
import { type TestNode, testNodes } from './nodes.ts';

/** Things that a round does while its bytes are bent. */
const DEEDS = 40;
/** By then whatever was under way has been answered, or given up. */
const PATIENCE_MS = 30_000;

/** What can be done to an actor of another node, in one class. */
export class Target extends Actor {
  readonly #env: Env;
  constructor(env: Env) {
    super();
    this.#env = env;
  }
  @rpc echo(value: unknown): unknown {
    return value;
  }
  @rpc wait(): Promise<void> {
    const { signal } = this.ctx;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }
  @rpc ends(): { readonly sender: Sender<unknown>; readonly receiver: Receiver<unknown> } {
    const { sender, receiver } = channel<unknown>(4, { env: this.#env });
    return { sender, receiver };
  }
  @rpc async *count(end: number): AsyncGenerator<number> {
    for (let i = 0; i < end; i += 1) yield i;
  }
  @rpc async sum(numbers: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const number of numbers) sum += number;
    return sum;
  }
  @rpc async call(body: (text: string) => Promise<string>): Promise<string> {
    return body('hello');
  }
  @rpc listen(signal: AbortSignal): boolean {
    return signal.aborted;
  }
}

export interface SessionRound {
  readonly bends: number;
  /** Sessions that ended because of what was read in them. */
  readonly broken: number;
}

/**
 * Lets two nodes talk while every so manyeth of their writes is bent, handshakes included.
 * @throws when one of them does anything but go on or end the session; when something waits for
 *   ever; when others, or the two of them in a new session, are not served afterwards
 */
export async function fuzzSession(seed: number): Promise<SessionRound> {
  const random = xorshift(seed);
  const bender = new Bender(new Fuzzer(new CborCodec(), seed), random);
  const { env, network, node } = testNodes(seed);
  const at = async (name: string): Promise<TestNode> =>
    node(name, { transport: bender.transport(network.transport(name)) });
  const [a, b, c] = [await at('a'), await at('b'), await node('c')];
  b.serve('target', b.system.spawn(Target, env));
  b.serve('honest', b.system.spawn(Target, env));
  const target = await a.find<ActorRef<Target>>(b, 'target');

  bender.oneIn = 2 + Math.floor(random() * 20);
  const deeds = new Deeds(a, target, random);
  for (let i = 0; i < DEEDS; i += 1) {
    deeds.next();
    if (random() < 0.7) await env.settled();
    if (random() < 0.1) network.cut('a', 'b');
    if (random() < 0.3) await env.advance(random() * 2_000);
    network.heal('a', 'b');
  }
  bender.rest();
  network.cut('a', 'b'); // A reader that was left with half of something large waits for the rest.
  network.heal('a', 'b');
  await env.advance(PATIENCE_MS);

  await served(env, c, b);
  // What was lost on the way may show only now, and end the session; the next one is whole.
  await served(env, a, b).catch(() => served(env, a, b));
  await Promise.all([a, b, c].map(({ endpoint }) => within(env, endpoint.close(), 'a close')));
  await env.advance(PATIENCE_MS);
  if (deeds.underWay > 0) throw new Error(`${deeds.underWay} waits never ended`);
  return { bends: bender.bends, broken: brokenBy(env.logged) };
}

/** The next honest caller is answered. */
async function served(env: ReturnType<typeof testNodes>['env'], from: TestNode, by: TestNode) {
  const call = from.find<ActorRef<Target>>(by, 'honest').then((target) => target.echo('honest'));
  const answer = await within(env, call, `a call from ${from.system.name} to ${by.system.name}`);
  if (answer !== 'honest') throw new Error(`an honest call was answered by ${String(answer)}`);
}

async function within<T>(
  env: ReturnType<typeof testNodes>['env'],
  outcome: Promise<T>,
  what: string,
): Promise<T> {
  let isOver = (): boolean => false;
  const done = outcome.finally(() => (isOver = () => true));
  done.catch(() => undefined); // Thrown below, or never.
  for (let second = 0; second < 30 && !isOver(); second += 1) await env.advance(1_000);
  if (!isOver()) throw new Error(`${what} never ended`);
  return done;
}

/** @returns how many sessions were ended for a fault of the peer's; throws for one of our own */
function brokenBy(logged: readonly { level: string; fields: object; message: string }[]): number {
  let broken = 0;
  for (const { level, fields, message } of logged) {
    if (level !== 'error') continue;
    const error: unknown = 'error' in fields ? fields.error : undefined;
    if (!(error instanceof BadFrame || error instanceof BadBytes || isCallError(error))) {
      throw new Error(`logged: ${message}`, { cause: error });
    }
    broken += 1;
  }
  return broken;
}

/** Uses a target in every way there is, and counts what has not ended. */
class Deeds {
  readonly #node: TestNode;
  readonly #target: ActorRef<Target>;
  readonly #random: () => number;
  underWay = 0;

  constructor(node: TestNode, target: ActorRef<Target>, random: () => number) {
    this.#node = node;
    this.#target = target;
    this.#random = random;
  }

  next(): void {
    const target = this.#target;
    const deeds: (() => Promise<unknown>)[] = [
      () => target.echo({ text: 'hällo', list: [1, 2n, new Date(0), new Map([[1, target]])] }),
      () => target.echo(new Uint8Array(this.#random() * 100_000)),
      () => target.echo(new RangeError('mine')),
      async () => target.tell.echo(1),
      () => this.#aborted(),
      () => this.#channelled(),
      () => this.#streamed(),
      () => target.sum(numbers(10)),
      () => target.call(async (text) => text),
      async () => void this.#node.system.monitor(target, () => undefined),
      () => target.listen(new AbortController().signal),
    ];
    const deed = deeds[Math.floor(this.#random() * deeds.length)]!;
    this.underWay += 1;
    void deed()
      .catch(() => undefined) // Whatever its outcome: it has one.
      .finally(() => (this.underWay -= 1));
  }

  async #aborted(): Promise<void> {
    const controller = new AbortController();
    const call = this.#target.with({ signal: controller.signal }).wait();
    if (this.#random() < 0.5) await Promise.resolve();
    controller.abort();
    await call;
  }

  async #channelled(): Promise<void> {
    const { sender, receiver } = await this.#target.ends();
    for (let i = 0; i < 10; i += 1) {
      await sender.send({ i });
      if (i % 2 === 0) await receiver.receive();
    }
    sender.close();
    for await (const _ of receiver);
  }

  async #streamed(): Promise<void> {
    for await (const number of this.#target.count(20)) if (number > 15) break;
  }
}

async function* numbers(end: number): AsyncGenerator<number> {
  for (let i = 0; i < end; i += 1) yield i;
}
