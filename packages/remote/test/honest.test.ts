import assert from 'node:assert/strict';
import test from 'ava';
import * as fc from 'fast-check';
import { Actor, actor, type ActorRef, executedOf, rpc } from '@troupe/actor';
import type { VirtualEnv } from '@troupe/actor/testing';
import { testNodes } from './nodes.js';

/** Notes what has run, on whichever incarnation. */
class Ran {
  readonly counts = new Map<number, number>();
  add(entry: number): void {
    this.counts.set(entry, this.of(entry) + 1);
  }
  of(entry: number): number {
    return this.counts.get(entry) ?? 0;
  }
}

@actor({ kind: 'witness', mailboxCapacity: 8 })
class Witness extends Actor {
  readonly #ran: Ran;
  readonly #env: VirtualEnv;
  constructor(ran: Ran, env: VirtualEnv) {
    super();
    this.#ran = ran;
    this.#env = env;
  }
  @rpc async note(entry: number, ms: number): Promise<number> {
    this.#ran.add(entry);
    if (ms > 0) await new Promise<void>((resolve) => void this.#env.setTimer(ms, resolve));
    return entry;
  }
  @rpc({ idempotent: true }) again(entry: number, ms: number): Promise<number> {
    return this.note(entry, ms);
  }
  @rpc told(entry: number): void {
    this.#ran.add(entry);
  }
}

interface Call {
  readonly ms: number;
  readonly timeoutMs: number;
}

type Step =
  | ({ readonly do: 'note' | 'again' } & Call)
  | { readonly do: 'tell' | 'cut' | 'heal' | 'refuse' | 'freeze' | 'lose' | 'abort' | 'drain' }
  | { readonly do: 'wait'; readonly ms: number };

const times = fc.constantFrom(0, 1, 20, 400);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('note' as const, 'again' as const),
      ms: times,
      timeoutMs: fc.constantFrom(30, 300, 10_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('tell' as const, 'abort' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'heal', 'heal', 'refuse', 'freeze', 'lose'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drain' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: times }) },
);

interface Outcome {
  readonly entry: number;
  readonly isIdempotent: boolean;
  readonly outcome: 'no' | 'yes' | 'unknown' | 'answered';
}

/** Two nodes that lose each other soon, a witness on one, and what its other node hears of it. */
async function twoNodes() {
  const { node, network, env } = testNodes();
  const ran = new Ran();
  const onDeadLetter = (): void => undefined;
  const life = { resumeWindowMs: 500, pingAfterMs: 100, lostAfterMs: 300, onDeadLetter };
  const a = await node('a', { ...life, knows: [Witness] });
  const b = await node('b', life);
  b.serve('witness', b.system.spawn(Witness, ran, env));
  const witness = await a.find<ActorRef<Witness>>(b, 'witness');
  return { a, b, network, env, ran, witness };
}

/** Lets two nodes go through `steps`, and find together again. */
async function lived(steps: readonly Step[]) {
  const { a, b, network, env, ran, witness } = await twoNodes();
  const [toB] = a.endpoint.peers;
  const asked: number[] = [];
  const outcomes: Outcome[] = [];
  let abort = new AbortController();
  const call = (method: 'note' | 'again', entry: number, { ms, timeoutMs }: Call): void => {
    asked.push(entry);
    const ended = (outcome: Outcome['outcome']): void => {
      outcomes.push({ entry, isIdempotent: method === 'again', outcome });
    };
    const ref = witness.with({ timeoutMs, signal: abort.signal });
    const answer = method === 'note' ? ref.note(entry, ms) : ref.again(entry, ms);
    answer.then(
      () => ended('answered'),
      (error: unknown) => ended(executedOf(error)),
    );
  };
  for (const [entry, each] of steps.entries()) {
    switch (each.do) {
      case 'note':
      case 'again':
        call(each.do, entry, each);
        break;
      case 'tell':
        witness.tell.told(entry);
        break;
      case 'abort':
        abort.abort();
        abort = new AbortController();
        break;
      case 'lose':
        toB?.end(new Error('lost for the test'));
        break;
      case 'drain':
        void b.endpoint.drain(50);
        break;
      case 'wait':
        await env.advance(each.ms);
        break;
      default:
        network[each.do]('a', 'b');
    }
    await env.settled();
  }
  network.heal('a', 'b');
  await env.advance(30_000);
  return { ran, asked, outcomes };
}

/** @returns what is wrong with what a caller was told of a call that has run `times` times */
function lie({ isIdempotent, outcome }: Outcome, times: number): string | undefined {
  if (outcome === 'no' && times > 0) return 'it says that it has not run';
  if ((outcome === 'yes' || outcome === 'answered') && times === 0) return 'it has never run';
  return !isIdempotent && times > 1 ? 'it has run more than once' : undefined;
}

test('whatever happens between two nodes, every call ends, and says the truth', async (t) => {
  const seen = new Set<Outcome['outcome']>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const { ran, asked, outcomes } = await lived(steps);

      assert.deepEqual(outcomes.map(({ entry }) => entry).sort(byValue), asked);
      for (const each of outcomes) {
        seen.add(each.outcome);
        assert.equal(lie(each, ran.of(each.entry)), undefined, `${each.entry}: ${each.outcome}`);
      }
      for (const [entry, times] of ran.counts) {
        if (steps[entry]?.do === 'tell') assert.equal(times, 1, `tell ${entry}`);
      }
    }),
    { numRuns: 200 },
  );

  t.deepEqual([...seen].sort(), ['answered', 'no', 'unknown']);
});

function byValue(a: number, b: number): number {
  return a - b;
}
