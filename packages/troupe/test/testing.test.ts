import test from 'ava';
import { Actor, type ActorRef, channel, NotSerializable, rpc, type Sender } from 'troupe';
import { ActorProbe, testSystem } from 'troupe/testing';

class Money {
  constructor(readonly cents: number) {}
}

class Shop extends Actor {
  @rpc keep(value: unknown): unknown {
    return value;
  }
  @rpc price(): unknown {
    return new Money(100);
  }
  @rpc put(basket: string[]): void {
    basket.push('apple');
  }
  @rpc async call(add: (to: string[]) => unknown, basket: string[]): Promise<string> {
    const added = add(basket);
    return added instanceof Promise ? `a promise of ${await added}` : 'no promise';
  }
  @rpc hand(to: ActorRef<Shop>): Promise<unknown> {
    return to.keep('handed');
  }
  @rpc push(to: Sender<number>): void {
    to.trySend(7);
  }
}

test('verify finds an argument that could not travel, and names it', async (t) => {
  await using system = testSystem();
  const shop = system.spawn(Shop);

  const error = await t.throwsAsync(shop.keep({ prices: [1, Symbol('2')] }), {
    instanceOf: NotSerializable,
  });

  t.like(error, { executed: 'no', path: 'args[0].prices[1]' });
});

test('verify finds a result that could not travel', async (t) => {
  await using system = testSystem();

  const error = await t.throwsAsync(system.spawn(Shop).price(), { instanceOf: NotSerializable });

  t.like(error, { executed: 'yes', path: 'result' });
});

test('verify shows that what a method changes in its arguments stays with the method', async (t) => {
  await using verified = testSystem();
  await using direct = testSystem({ transparency: 'off' });
  const [far, near]: [string[], string[]] = [[], []];

  await verified.spawn(Shop).put(far);
  await direct.spawn(Shop).put(near);

  t.deepEqual([far, near], [[], ['apple']]);
});

test('references and channel ends work as they do between nodes', async (t) => {
  await using system = testSystem();
  const numbers = channel<number>(1);
  const shop = system.spawn(Shop);

  t.is(await shop.hand(system.spawn(Shop)), 'handed');
  await shop.push(numbers.sender);

  t.deepEqual(numbers.tryReceive(), { value: 7 });
});

test('functions, signals and streams travel as they do between nodes', async (t) => {
  await using system = testSystem();
  const shop = system.spawn(Shop);
  const { signal } = new AbortController();
  const add = (to: string[]): number => to.push('apple');
  async function* stream(): AsyncGenerator<number> {
    yield 1;
  }

  const basket: string[] = [];
  const size: unknown = await shop.call(add, basket);
  const kept: unknown = await shop.keep({ signal });
  const home: unknown = await shop.keep(add);
  const items: unknown[] = [];
  for await (const item of (await shop.keep(stream())) as AsyncIterable<unknown>) items.push(item);

  t.is(size, 'a promise of 1');
  t.deepEqual(basket, []);
  t.is((kept as { signal: unknown }).signal, signal);
  t.is(home, add);
  t.deepEqual(items, [1]);
});

test('an error as a value arrives as its class, where nodes would know it', async (t) => {
  await using system = testSystem();

  const error = await system.spawn(Shop).keep(new RangeError('too much'));

  t.true(error instanceof RangeError);
  t.is((error as Error).message, 'too much');
});

test('a probe notes what it is told, and answers as it was taught', async (t) => {
  await using system = testSystem();
  const probe = new ActorProbe<Shop>();
  const early = probe.next();
  probe.answer('keep', () => 'kept');

  t.is(await system.spawn(Shop).hand(probe.ref), 'kept');
  probe.ref.tell.put([]);

  t.deepEqual(await early, { method: 'keep', args: ['handed'], isCall: true });
  t.deepEqual(await probe.next(), { method: 'put', args: [[]], isCall: false });
  await t.throwsAsync(probe.ref.price(), { message: /probe has no callable method 'price'/ });
  t.is(probe.received.length, 3);
});

test('a probe can go down, once for each who monitors it', async (t) => {
  await using system = testSystem();
  const probe = new ActorProbe<Shop>('shop');
  const downs: unknown[] = [];
  system.monitor(probe.ref, (down) => downs.push(down));

  probe.goDown();
  probe.goDown();

  t.deepEqual(downs, [{ address: 'shop', reason: { kind: 'stopped' } }]);
});
