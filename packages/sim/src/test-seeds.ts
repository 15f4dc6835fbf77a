import { seeds, simulate, type Simulated, type SimulateOptions } from './simulate.ts';

/** What the test functions of ava, vitest and `node:test` have in common. */
export type RegisterTest = (title: string, run: (context: unknown) => Promise<void>) => unknown;

export interface TestSeedsOptions<N> extends Omit<SimulateOptions<N>, 'seed'> {
  /** What the tests claim. Each adds its seed. */
  readonly title: string;
  /** How many seeds. The environment's `SEED` takes their place. Default: 100. */
  readonly count?: number;
  /** The first of them. Default: 1. */
  readonly first?: number;
}

/** Makes one test of each seed; the title of a failing one says which. */
export function testSeeds<N>(
  register: RegisterTest,
  options: TestSeedsOptions<N>,
  scenario: (simulated: Simulated<N>) => Promise<void>,
): void {
  const { title, count = 100, first = 1 } = options;
  for (const seed of seeds({ count, first })) {
    register(`${title}: seed ${seed}`, async (context) => {
      await simulate({ ...options, seed }, scenario);
      // ava wants to see an assertion; the others have no such method.
      if (isAva(context)) context.pass();
    });
  }
}

function isAva(context: unknown): context is { pass(): void } {
  if (typeof context !== 'object' || context === null || !('pass' in context)) return false;
  return typeof context.pass === 'function';
}
