import test from 'ava';
import {
  BadArguments,
  ChannelClosed,
  Overloaded,
  type Schema,
  SubscriberLagged,
  topic,
} from '@troupe/actor';

test('every subscriber gets every element from then on, in order', async (t) => {
  const news = topic<number>();
  const early = news.subscribe();
  void news.publish(1);
  const late = news.subscribe();
  void news.publish(2);

  t.deepEqual(early.receiveBatch(9), [1, 2]);
  t.deepEqual(late.receiveBatch(9), [2]);
  t.is(news.size, 2);
});

test('a publisher waits for a subscriber that asks for it, and for no other', async (t) => {
  const news = topic<number>();
  const slow = news.subscribe({ capacity: 1 });
  const lossy = news.subscribe({ capacity: 1, whenFull: 'drop-newest' });
  let isDone = false;
  await news.publish(1);
  const waiting = news.publish(2).then(() => (isDone = true));
  await null;
  t.false(isDone);

  t.is(await slow.receive(), 1);
  await waiting;

  t.is(await slow.receive(), 2);
  t.is(slow.dropped, 0);
  t.is(lossy.dropped, 1);
});

test('a subscriber loses what it chose to lose, and knows how much', (t) => {
  const news = topic<number>();
  const oldest = news.subscribe({ capacity: 2, whenFull: 'drop-oldest' });
  const newest = news.subscribe({ capacity: 2, whenFull: 'drop-newest' });

  for (let i = 1; i <= 5; i += 1) void news.publish(i);

  t.deepEqual(oldest.receiveBatch(9), [4, 5]);
  t.deepEqual(newest.receiveBatch(9), [1, 2]);
  t.deepEqual([oldest.dropped, newest.dropped], [3, 3]);
});

test('a subscription that must not lose ends when it would, after what it has', async (t) => {
  const news = topic<number>();
  const strict = news.subscribe({ capacity: 2, whenFull: 'end' });

  for (let i = 1; i <= 3; i += 1) void news.publish(i);

  t.deepEqual(strict.receiveBatch(9), [1, 2]);
  await t.throwsAsync(strict.receive(), { instanceOf: SubscriberLagged, message: /2 elements/ });
  t.is(news.size, 0);
});

test('a subscription that is closed holds up no publisher', async (t) => {
  const news = topic<number>();
  const gone = news.subscribe({ capacity: 1 });
  void news.publish(1);
  const waiting = news.publish(2);

  gone.close();
  gone.close();
  await waiting;

  await news.publish(3);
  t.deepEqual(gone.receiveBatch(9), [1]);
  t.is(gone.tryReceive(), 'closed');
});

test('closing a topic ends all subscriptions, after the drain', async (t) => {
  const news = topic<number>();
  const subscription = news.subscribe();
  void news.publish(1);

  news.close(new RangeError('over'));

  t.is(await subscription.receive(), 1);
  await t.throwsAsync(subscription.receive(), { message: 'over' });
  await t.throwsAsync(news.publish(2), { instanceOf: ChannelClosed });
  await t.throwsAsync(news.subscribe().receive(), { message: 'over' });
  t.throws(() => news.close(), { instanceOf: ChannelClosed });
});

test('a topic has a bound of subscribers', (t) => {
  const news = topic<number>({ subscribersMax: 1 });
  using _only = news.subscribe();

  t.throws(() => news.subscribe(), { instanceOf: Overloaded, message: /subscribers.* 1$/ });
});

test('a topic checks what is published once, and nobody gets what it refuses', async (t) => {
  let checks = 0;
  const cents: Schema<number> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        checks += 1;
        return typeof value === 'number'
          ? { value: Math.round(value) }
          : { issues: [{ message: 'not a number' }] };
      },
    },
  };
  const prices = topic<number>({ schema: cents });
  const [one, other] = [prices.subscribe(), prices.subscribe()];
  const wrong: unknown = 'much';

  await prices.publish(1.6);
  const error = await t.throwsAsync(prices.publish(wrong as number), { instanceOf: BadArguments });

  t.is(error?.message, 'topic.publish: element: not a number');
  t.deepEqual([one.receiveBatch(9), other.receiveBatch(9)], [[2], [2]]);
  t.is(checks, 2);
});
