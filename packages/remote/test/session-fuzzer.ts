import { type ActorRef, isCallError } from '@troupe/actor';
import { xorshift } from '@troupe/actor/internal';
import { BadBytes, BadFrame, CborCodec } from '@troupe/remote';
import { Bender } from './bender.ts';
import { Deeds, Target } from './deeds.ts';
import { Fuzzer } from './fuzzer.ts';
import { type TestNode, testNodes } from './nodes.ts';

/** Things that a round does while its bytes are bent. */
const DEEDS = 40;
/** By then whatever was under way has been answered, or given up. */
const PATIENCE_MS = 30_000;

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
  const deeds = new Deeds(target, (ref) => a.system.monitor(ref, () => undefined), random);
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
