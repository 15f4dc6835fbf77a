import test from 'ava';
import { consensusCases } from '@troupe/consensus/conformance';
import { threaded } from './thread/world.ts';
import { TestWorld } from './world.ts';

for (const { name, run } of consensusCases) {
  test(`in memory: ${name}`, async (t) => {
    await run(() => new TestWorld({ keepEntries: 1, leaseReads: true }));

    t.pass();
  });
}

for (const { name, run } of consensusCases) {
  test(`on a thread: ${name}`, async (t) => {
    await run(() => {
      const world: TestWorld = new TestWorld({ keepEntries: 1, leaseReads: true }, (options) => {
        return threaded({ ...options, env: world.env }).engine;
      });
      return world;
    });

    t.pass();
  });
}
