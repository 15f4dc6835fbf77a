import test from 'ava';
import { Actor, actor, type ActorRef, rpc } from '@troupe/actor';
import { xorshift } from '@troupe/actor/internal';
import { type TestNode, testNodes } from './nodes.js';

const BYTES = 100_000;

type Large = Uint8Array | readonly string[];

/** Gives back what it is sent, while it answers with that. */
@actor({ kind: 'mirror' })
class Mirror extends Actor {
  readonly #node: TestNode;
  constructor(node: TestNode) {
    super();
    this.#node = node;
  }
  @rpc echo(value: Large): Large {
    giveBack(this.#node, value);
    return value;
  }
}

function giveBack(node: TestNode, value: Large): boolean {
  return value instanceof Uint8Array && node.endpoint.memory.recycle(value);
}

/** Bytes stay in the memory that they arrive in; texts do not, and it is used again at once. */
function large(i: number): Large {
  return i % 3 === 0
    ? Array.from({ length: 5_000 }, () => `line ${i}`)
    : new Uint8Array(BYTES).fill(i);
}

const survives = test.macro({
  title: (_, seed: number) =>
    `memory that is used again never shows in what was sent or came before: ${seed}`,
  async exec(t, seed: number) {
    const { network, env, node } = testNodes();
    const a = await node('a', { resumeWindowMs: 600_000 });
    const b = await node('b', { resumeWindowMs: 600_000 });
    b.serve('mirror', b.system.spawn(Mirror, b));
    const mirror = await a.find<ActorRef<Mirror>>(b, 'mirror');
    const random = xorshift(seed);
    const kept: { readonly i: number; readonly answer: Large }[] = [];
    const call = async (i: number): Promise<void> => {
      const answer = await mirror.with({ timeoutMs: 600_000 }).echo(large(i));
      if (random() < 0.5) kept.push({ i, answer });
      else {
        t.deepEqual(answer, large(i));
        giveBack(a, answer);
      }
    };
    const calls: Promise<void>[] = [];

    for (let i = 0; i < 40; i += 1) {
      calls.push(call(i));
      for (let steps = Math.floor(random() * 40); steps > 0; steps -= 1) await null;
      if (random() > 0.3) continue;
      network.cut('a', 'b');
      if (random() < 0.5) await env.advance(random() * 1_000);
      network.heal('a', 'b');
      if (random() < 0.5) await env.advance(random() * 300);
    }
    await env.advance(5_000);
    await Promise.all(calls);

    t.true(kept.length > 0);
    for (const { i, answer } of kept) t.deepEqual(answer, large(i));
  },
});
for (let seed = 1; seed <= 5; seed += 1) test(survives, seed);

test('bytes that came can be given back once; those of this node, and small ones, cannot', async (t) => {
  const { env, node } = testNodes();
  const [a, b] = [await node('a'), await node('b')];
  b.serve('mirror', b.system.spawn(Mirror, b));
  const mirror = await a.find<ActorRef<Mirror>>(b, 'mirror');
  const sent = large(1);
  const answer = await mirror.echo(sent);
  const small = await mirror.echo(new Uint8Array(1_000));

  const gaveBack = [answer, answer, small, sent].map((value) => giveBack(a, value));
  await env.settled();

  t.deepEqual(gaveBack, [true, false, false, false]);
  t.deepEqual([answer.length, small.length, sent.length], [0, 1_000, BYTES]);
});

class Quarry extends Actor {
  @rpc more(): ActorRef<Quarry> {
    return this.spawn(Quarry);
  }
  @rpc stone(bytes: number): Uint8Array {
    return new Uint8Array(bytes);
  }
}

test('many large answers at once arrive, and those that are too many say that they were', async (t) => {
  const { env, node } = testNodes();
  const [a, b] = [await node('a'), await node('b')];
  b.serve('quarry', b.system.spawn(Quarry));
  const quarry = await a.find<ActorRef<Quarry>>(b, 'quarry');
  const all = await Promise.all(Array.from({ length: 70 }, () => quarry.more()));

  const answers = Promise.allSettled(all.map((each) => each.stone(1_000_000)));
  await env.advance(5_000);

  const outcomes = await answers;
  const arrived = outcomes.filter(({ status }) => status === 'fulfilled');
  const refused = outcomes.filter((each) => each.status === 'rejected');
  t.true(arrived.length >= 48, `${arrived.length} have arrived`);
  for (const { reason } of refused) t.like(reason, { executed: 'yes', path: 'the result' });
  t.is((await quarry.stone(1)).length, 1);
  t.deepEqual(
    env.logged.filter(({ level }) => level === 'error'),
    [],
  );
});
