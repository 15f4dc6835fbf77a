import type { Env } from '@troupe/actor';
import { Engine, type EngineOptions } from '@troupe/consensus';
import { EngineHost } from '../../dist/thread/engine-host.js';
import type { News, Order } from '../../dist/thread/orders.js';
import { ThreadedEngine } from '../../dist/thread/threaded-engine.js';
import type { Way } from '../../dist/thread/way.js';

/** Both ends of a way in one process: what is sent is copied, and arrives in a later turn. */
export class TestWay<Out, In> implements Way<Out, In> {
  readonly #env: Env;
  #handler: (batch: readonly In[]) => void = () => {};
  /** What has come while the loop at this end stands still. */
  #held: (readonly In[])[] | undefined;
  #other: TestWay<In, Out> | undefined;

  private constructor(env: Env) {
    this.#env = env;
  }

  static pair<A, B>(env: Env): readonly [TestWay<A, B>, TestWay<B, A>] {
    const [near, far] = [new TestWay<A, B>(env), new TestWay<B, A>(env)];
    near.#other = far;
    far.#other = near;
    return [near, far];
  }

  send(batch: readonly Out[], owned: readonly ArrayBuffer[]): void {
    const copy = structuredClone(batch, { transfer: [...owned] });
    const other = this.#other;
    if (other !== undefined) this.#env.afterIo(() => other.#arrive(copy));
  }

  receive(handler: (batch: readonly In[]) => void): void {
    this.#handler = handler;
  }

  /** The loop at this end stands still, until `goOn`. */
  hold(): void {
    this.#held = [];
  }

  /** Of commands, that have come since. */
  get heldBytes(): number {
    const words = (this.#held ?? []).flat() as readonly { readonly commands?: Uint8Array }[];
    return words.reduce((sum, { commands }) => sum + (commands?.length ?? 0), 0);
  }

  goOn(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const batch of held) this.#handler(batch);
  }

  #arrive(batch: readonly In[]): void {
    if (this.#held === undefined) this.#handler(batch);
    else this.#held.push(batch);
  }
}

/** A node whose driver is behind a way, as on another thread, and both ends of that. */
export interface Threaded {
  readonly engine: ThreadedEngine;
  readonly near: TestWay<Order, News>;
  readonly far: TestWay<News, Order>;
}

export function threaded(
  options: EngineOptions & { readonly env: Env },
  handOverAfterMs: number = 10_000,
): Threaded {
  const { env, node = 'local' } = options;
  const [near, far] = TestWay.pair<Order, News>(env);
  const driver = new Engine({ ...options, node });
  const host = new EngineHost({ env, driver, way: far, handOverAfterMs });
  const engine = new ThreadedEngine({ node, env, way: near, end: () => Promise.resolve() });
  host.start();
  return { engine, near, far };
}
