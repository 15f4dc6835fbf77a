import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { Actor, ActorSystem, rpc } from '@troupe/actor';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

class Worker extends Actor {
  @rpc work(by: number): number {
    return by + 1;
  }
}

/** Live bytes, once everything that can be collected has been. */
async function heapUsed(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

test('a million actors that were told, monitored and stopped leave nothing behind', async (t) => {
  t.timeout(300_000);
  const system = new ActorSystem({ callTimeoutMs: 600_000 });
  const batch = async (count: number): Promise<void> => {
    const workers = Array.from({ length: count }, () => system.spawn(Worker));
    for (const worker of workers) {
      worker.tell.work(1);
      system.monitor(worker, () => undefined);
    }
    await workers.at(-1)?.work(1);
    await Promise.all(workers.map((worker) => system.stopActor(worker)));
  };
  await batch(10_000);
  const before = await heapUsed();

  for (let round = 0; round < 100; round += 1) await batch(10_000);

  t.true((await heapUsed()) - before < 1_000_000, 'less than a byte an actor');
  t.is(system.size, 0);
  t.is(system.deadlines.size, 0);
});

test('an idle actor with one field takes at most 350 bytes', async (t) => {
  class Counter extends Actor {
    count = 0;
  }
  const system = new ActorSystem();
  for (let at = 0; at < 1_000; at += 1) system.spawn(Counter); // The class has its final shape.
  const refs: unknown[] = new Array(100_000).fill(undefined);
  const before = await heapUsed();

  for (let at = 0; at < refs.length; at += 1) refs[at] = system.spawn(Counter);

  const bytes = ((await heapUsed()) - before) / refs.length;
  t.true(bytes > 100 && bytes <= 350, `${bytes.toFixed(0)} bytes`);
  t.is(system.size, 101_000);
});
