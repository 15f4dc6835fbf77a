import fc from 'fast-check';
import test from 'ava';
import {
  Actor,
  ActorSystem,
  actor,
  allForOne,
  oneForOne,
  restForOne,
  rpc,
  type Supervision,
  type SupervisionStrategy,
  type WhenFull,
} from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

/** What a sender does with an actor that is busy until the end. */
type Step =
  | { readonly kind: 'tell' | 'ask'; readonly capacity?: never }
  | { readonly kind: 'cancel'; readonly which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('tell' as const, 'ask' as const) }),
  fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(20) }),
);

/** One message of the model; a tell cannot be cancelled. */
interface Sent {
  readonly number: number;
  readonly isCall: boolean;
}

/** The mailbox as its documentation says, in the simplest way. */
class Model {
  queue: Sent[] = [];
  waiting: Sent[] = [];
  refused = 0;
  constructor(
    readonly capacity: number,
    readonly whenFull: WhenFull,
  ) {}

  send(message: Sent): void {
    if (this.queue.length < this.capacity) this.queue.push(message);
    else if (this.whenFull === 'drop-oldest') {
      this.queue.shift();
      this.queue.push(message);
      this.refused += 1;
    } else if (this.whenFull === 'wait' && message.isCall && this.waiting.length < this.capacity) {
      this.waiting.push(message);
    } else this.refused += 1;
  }

  cancel(number: number): void {
    this.queue = this.queue.filter((message) => message.number !== number);
    this.waiting = this.waiting.filter((message) => message.number !== number);
    const next = this.queue.length < this.capacity ? this.waiting.shift() : undefined;
    if (next !== undefined) this.queue.push(next);
  }

  get served(): number[] {
    return [...this.queue, ...this.waiting].map(({ number }) => number);
  }
}

for (const whenFull of ['refuse', 'wait', 'drop-oldest'] as const) {
  test(`a mailbox does what its model does: ${whenFull}`, async (t) => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(step, { maxLength: 30 }),
      async (mailboxCapacity, steps) => {
        const served: number[] = [];
        @actor({ kind: 'busy', mailboxCapacity, whenFull })
        class Busy extends Actor {
          @rpc hold(gate: Promise<void>): Promise<void> {
            return gate;
          }
          @rpc note(number: number): void {
            served.push(number);
          }
        }
        const env = virtualEnv();
        const system = new ActorSystem({ env, onDeadLetter: () => undefined });
        const busy = system.spawn(Busy);
        let open!: () => void;
        busy.tell.hold(new Promise((resolve) => (open = resolve)));
        await env.settled();
        const model = new Model(mailboxCapacity, whenFull);
        const calls: { readonly number: number; readonly abort: AbortController }[] = [];

        for (const [number, { kind, ...rest }] of steps.entries()) {
          if (kind === 'cancel') {
            const call = calls[(rest as { which: number }).which % Math.max(1, calls.length)];
            if (call === undefined || call.abort.signal.aborted) continue;
            call.abort.abort();
            model.cancel(call.number);
          } else {
            model.send({ number, isCall: kind === 'ask' });
            if (kind === 'tell') busy.tell.note(number);
            else {
              const abort = new AbortController();
              calls.push({ number, abort });
              busy
                .with({ signal: abort.signal })
                .note(number)
                .catch(() => undefined);
            }
          }
        }
        open();
        await env.settled();

        t.deepEqual(served, model.served);
        t.is(system.undelivered.get('ERR_MAILBOX_FULL') ?? 0, model.refused);
      },
    );

    await fc.assert(property, { numRuns: 200 });
  });
}

const supervisions: Readonly<Record<SupervisionStrategy, (restarts: number) => Supervision>> = {
  'one-for-one': (restarts) => oneForOne({ restarts, withinMs: 1_000 }),
  'all-for-one': (restarts) => allForOne({ restarts, withinMs: 1_000 }),
  'rest-for-one': (restarts) => restForOne({ restarts, withinMs: 1_000 }),
};

/** How often each child has been started, or undefined when all are gone. */
function startsOf(
  strategy: SupervisionStrategy,
  children: number,
  { restarts, steps }: { restarts: number; steps: readonly Fall[] },
): number[] | undefined {
  const starts = new Array<number>(children).fill(1);
  let counted: number[] = [];
  let now = 0;
  for (const { child, afterMs } of steps) {
    now += afterMs;
    counted = counted.filter((at) => now - at < 1_000);
    if (counted.length === restarts) return undefined;
    counted.push(now);
    const from = strategy === 'all-for-one' ? 0 : child % children;
    const to = strategy === 'one-for-one' ? from + 1 : children;
    for (let at = from; at < to; at += 1) starts[at] = (starts[at] ?? 0) + 1;
  }
  return starts;
}

interface Fall {
  readonly child: number;
  readonly afterMs: number;
}

for (const strategy of Object.keys(supervisions) as SupervisionStrategy[]) {
  test(`supervision does what its model does: ${strategy}`, async (t) => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 4 }),
      fc.array(fc.record({ child: fc.nat(3), afterMs: fc.constantFrom(0, 300, 1_000) }), {
        maxLength: 8,
      }),
      async (children, restarts, steps) => {
        const starts = new Array<number>(children).fill(0);
        class Child extends Actor {
          constructor(readonly at: number) {
            super();
          }
          override started(): void {
            starts[this.at] = (starts[this.at] ?? 0) + 1;
          }
          @rpc fail(): never {
            throw new Error('broken');
          }
        }
        @actor({ kind: 'boss', supervision: supervisions[strategy](restarts) })
        class Boss extends Actor {
          @rpc hire() {
            return Array.from({ length: children }, (_, at) => this.spawn(Child, at));
          }
        }
        const env = virtualEnv();
        const quiet = { onFailure: () => undefined, onDeadLetter: () => undefined };
        const system = new ActorSystem({ env, ...quiet });
        const hired = await system.spawn(Boss).hire();
        await env.settled();

        for (const { child, afterMs } of steps) {
          await env.advance(afterMs);
          hired[child % children]?.tell.fail();
          await env.settled();
        }

        const expected = startsOf(strategy, children, { restarts, steps });
        t.is(system.size, expected === undefined ? 0 : children + 1);
        if (expected !== undefined) t.deepEqual(starts, expected);
      },
    );

    await fc.assert(property, { numRuns: 100 });
  });
}
