import { type RegisterTest, testSeeds } from '@troupe/sim';

/** Three tests of one node that counts its seconds; BROKEN makes the second fail. */
export function suite(test: RegisterTest): void {
  const start = async ({ env }: { env: { now(): number } }): Promise<() => number> => env.now;
  const options = { title: 'time goes on', count: 3, nodes: 1, start };
  testSeeds(test, options, async (world) => {
    await world.sleep(2_000);
    const broken = process.env['BROKEN'] !== undefined && world.world.seed === 2;
    if (broken || world.node('a')() !== 2_000) throw new Error('time stands still');
  });
}
