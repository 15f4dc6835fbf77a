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

test('an engine whose members come from elsewhere is not asked to change them', async (t) => {
  const world = new TestWorld();
  const { consensus } = await world.start('a', ['a']);
  const { membership } = consensus.capabilities;
  const holdsFor = (kind: typeof membership): number =>
    consensusCases.filter((each) => each.membership?.includes(kind) ?? true).length;

  const counts = (['external', 'single', 'joint'] as const).map(holdsFor);

  t.is(holdsFor(membership), consensusCases.length); // Of this one nothing is left out.
  t.deepEqual(
    counts.map((count, i) => count - (counts[i - 1] ?? 0) > 0),
    [true, true, true],
  );
});
