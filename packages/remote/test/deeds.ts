import {
  Actor,
  type ActorRef,
  channel,
  type EntityRef,
  type Env,
  type Receiver,
  rpc,
  type Sender,
} from '@troupe/actor';

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

type Used = ActorRef<Target> | EntityRef<Target>;

/** Uses a target in every way there is, and counts what has not ended. */
export class Deeds {
  readonly #target: Used;
  readonly #monitor: (ref: Used) => void;
  readonly #random: () => number;
  underWay = 0;

  constructor(target: Used, monitor: (ref: Used) => void, random: () => number) {
    this.#target = target;
    this.#monitor = monitor;
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
      async () => this.#monitor(target),
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
