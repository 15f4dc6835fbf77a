import test from 'ava';
import {
  type Fault,
  OutsideWorld,
  type Place,
  ProcessEnded,
  Random,
  shrink,
  simulate,
  SimulationFailed,
  swarm,
  testSeeds,
} from '@troupe/sim';

/** A node that does nothing but count its seconds. */
class Ticking {
  ticks = 0;
  constructor({ env }: Place) {
    const tick = (): void => {
      this.ticks += 1;
      env.setTimer(1_000, tick);
    };
    env.setTimer(1_000, tick);
  }
}

const start = async (place: Place): Promise<Ticking> => new Ticking(place);

test.serial('a run that fails tells its seed and only those faults that it takes', async (t) => {
  const faults: Fault[] = [
    { kind: 'clock', atMs: 100, host: 'a', byMs: 5 },
    { kind: 'stall', atMs: 200, host: 'b', shape: 'in-order', forMs: 4_000 },
    { kind: 'crash', atMs: 300, host: 'c', power: false, forMs: 500 },
    { kind: 'partition', atMs: 400, groups: [['a'], ['b', 'c']], forMs: 500 },
  ];

  const error = await t.throwsAsync(
    simulate({ seed: 5, start, faults }, async (world) => {
      await world.sleep(3_500);
      if (world.node('b').ticks < 3) throw new Error('b is behind');
    }),
    { instanceOf: SimulationFailed },
  );

  t.deepEqual(error?.faults, [faults[1]]);
  t.regex(
    error?.message ?? '',
    /^seed 5 fails: Error: b is behind\nfaults it takes:\n +200 ms {2}stall/,
  );
  t.true(error?.timeline.some((line) => line.endsWith('b stands still for 4000 ms')));
});

test.serial(
  'who waits for a process that ends is told, and the next one can be asked',
  async (t) => {
    await simulate({ seed: 1, start }, async (world) => {
      const waiting = world.on('a', () => new Promise(() => {}));
      world.crash('a');

      await t.throwsAsync(waiting, { instanceOf: ProcessEnded });
      t.throws(() => world.node('a'), { message: /no node runs on a at/ });
      await world.heal();
      t.is(world.node('a').ticks, 0);
    });
  },
);

for (const [what, use] of [
  ['Date.now', () => Date.now()],
  ['new Date()', () => new Date()],
  ['Math.random', () => Math.random()],
  ['performance.now', () => performance.now()],
  ['process.hrtime', () => process.hrtime.bigint()],
  ['crypto.randomUUID', () => crypto.randomUUID()],
  ['crypto.getRandomValues', () => crypto.getRandomValues(new Uint8Array(1))],
  ['setTimeout', () => Reflect.apply(setTimeout, undefined, [() => {}, 1])],
  ['setInterval', () => clearInterval(Reflect.apply(setInterval, undefined, [() => {}, 1]))],
  ['setImmediate', () => setImmediate(() => {})],
] as const) {
  // Serial: the traps of one run are on for the whole process.
  test.serial(
    `${what} in a simulated process fails the run, even when somebody catches that`,
    async (t) => {
      const error = await t.throwsAsync(
        simulate({ seed: 1, nodes: 1, start }, async () => {
          t.throws(use, { instanceOf: OutsideWorld });
        }),
        { instanceOf: SimulationFailed },
      );

      t.like(error?.cause, { code: 'ERR_OUTSIDE_WORLD', what });
      t.true(error?.cause instanceof Error && error.cause.stack?.includes('simulate.test'));
      t.notThrows(use); // The traps are gone with the run.
      t.true(new Date(0) instanceof Date);
    },
  );
}

test.serial('a fault of the network or of a disk ends after its time', async (t) => {
  const faults: Fault[] = [
    { kind: 'network', atMs: 1_000, quality: { loss: 1, jitterMs: 9 }, forMs: 2_000 },
    { kind: 'disk', atMs: 1_000, host: 'a', trouble: 'failing', forMs: 2_000 },
  ];
  const options = { seed: 1, faults, network: { loss: 0.01 }, start: async (it: Place) => it };

  await simulate(options, async (run) => {
    const { world } = run;
    const tries = Array.from({ length: 50 });
    const observe = async (): Promise<unknown> => {
      const arrivals = tries.filter(() => world.network.arrival('a', 'b', 1) !== undefined);
      const { files } = run.node('a');
      const lists = tries.map(() =>
        files.list().then(
          () => 'ok',
          () => 'EIO',
        ),
      );
      return { arrives: arrivals.length > 0, lists: new Set(await Promise.all(lists)) };
    };
    t.deepEqual(await observe(), { arrives: true, lists: new Set(['ok']) });
    await run.sleep(2_000);
    t.like(await observe(), { arrives: false, lists: { size: 2 } });
    await run.sleep(2_000);
    t.deepEqual(await observe(), { arrives: true, lists: new Set(['ok']) });
  });
});

test.serial('a check is made after everything that happens', async (t) => {
  const error = await t.throwsAsync(
    simulate({ seed: 1, nodes: 1, start }, async (world) => {
      world.check('no third tick', () => {
        if (world.node('a').ticks === 3) throw new Error(`a third tick at ${world.nowMs}`);
      });
      await world.sleep(60_000);
    }),
  );

  t.regex(error?.message ?? '', /a third tick at 3000/);
});

test.serial('the same seed draws the same faults, and another one others', (t) => {
  const draw = (seed: number): readonly Fault[] =>
    swarm(new Random(seed), { hosts: ['a', 'b', 'c'], durationMs: 20_000 });

  t.deepEqual(draw(1), draw(1));
  t.notDeepEqual(draw(1), draw(2));
  const kinds = new Set(
    Array.from({ length: 50 }, (_, i) => draw(i + 1))
      .flat()
      .map((f) => f.kind),
  );
  t.is(kinds.size, 7);
});

test.serial('shrinking leaves what none can be spared of', async (t) => {
  let runs = 0;
  const items = Array.from({ length: 40 }, (_, i) => i);

  const shortest = await shrink(items, async (part) => {
    runs += 1;
    return part.includes(7) && part.includes(31);
  });

  t.deepEqual(shortest, [7, 31]);
  t.true(runs <= 100, `${runs} runs`);
});

test.serial('a test is made of each seed, and SEED leaves one', async (t) => {
  const made = new Map<string, (context: unknown) => Promise<void>>();
  const register = (title: string, run: (context: unknown) => Promise<void>): void => {
    made.set(title, run);
  };
  const options = { count: 2, first: 8, nodes: 1, start };
  const run: number[] = [];

  testSeeds(
    register,
    { ...options, title: 'ticks' },
    async ({ world }) => void run.push(world.seed),
  );
  process.env['SEED'] = '77';
  testSeeds(register, { ...options, title: 'again' }, async () => {});
  delete process.env['SEED'];
  await made.get('ticks: seed 9')?.({});

  t.deepEqual([...made.keys()], ['ticks: seed 8', 'ticks: seed 9', 'again: seed 77']);
  t.deepEqual(run, [9]);
});
