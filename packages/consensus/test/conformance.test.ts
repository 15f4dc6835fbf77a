import test from 'ava';
import { consensusCases } from '@troupe/consensus/conformance';
import { TestWorld } from './world.ts';

for (const { name, run } of consensusCases) {
  test(`in memory: ${name}`, async (t) => {
    await run(() => new TestWorld({ keepEntries: 1, leaseReads: true }));

    t.pass();
  });
}
