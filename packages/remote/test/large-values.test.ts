import test from 'ava';
import { Actor, actor, type ActorRef, rpc } from '@troupe/actor';
import { xorshift } from '@troupe/actor/internal';
import { testNodes } from './nodes.js';

const BYTES = 100_000;

@actor({ kind: 'mirror' })
class Mirror extends Actor {
  @rpc echo(bytes: Uint8Array): Uint8Array {
    return bytes;
  }
}

const survives = test.macro({
  title: (_, seed: number) =>
    `memory that is used again never shows in what was sent before: ${seed}`,
  async exec(t, seed: number) {
    const { network, env, node } = testNodes();
    const a = await node('a', { resumeWindowMs: 600_000 });
    const b = await node('b', { resumeWindowMs: 600_000 });
    b.serve('mirror', b.system.spawn(Mirror));
    const mirror = await a.find<ActorRef<Mirror>>(b, 'mirror');
    const random = xorshift(seed);
    const calls: Promise<Uint8Array>[] = [];

    for (let i = 0; i < 40; i += 1) {
      calls.push(mirror.with({ timeoutMs: 600_000 }).echo(new Uint8Array(BYTES).fill(i)));
      for (let steps = Math.floor(random() * 40); steps > 0; steps -= 1) await null;
      if (random() > 0.3) continue;
      network.cut('a', 'b');
      if (random() < 0.5) await env.advance(random() * 1_000);
      network.heal('a', 'b');
      if (random() < 0.5) await env.advance(random() * 300);
    }
    await env.advance(5_000);

    for (const [i, bytes] of (await Promise.all(calls)).entries()) {
      t.is(bytes.length, BYTES);
      t.true(bytes.every((byte) => byte === i));
    }
  },
});
for (let seed = 1; seed <= 5; seed += 1) test(survives, seed);
