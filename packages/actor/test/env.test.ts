import test from 'ava';
import { processEnv } from '@troupe/actor';

test('afterPromises waits for promise callbacks that others bring about, and for no timer', async (t) => {
  const env = processEnv();
  const order: string[] = [];
  const timer = new Promise<void>((resolve) => {
    env.setTimer(0, () => (order.push('timer'), resolve()));
  });

  await undefined;
  env.afterPromises?.(() => order.push('after'));
  for (let round = 0; round < 100; round += 1) await undefined;
  order.push('promises');
  await timer;

  t.deepEqual(order, ['promises', 'after', 'timer']);
});
