import test, { type ExecutionContext } from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import fc from 'fast-check';
import { type DiskStore, openStore, StoreFailed } from '@troupe/consensus';
import { storeCases } from '@troupe/consensus/store-conformance';
import { type Place, Random } from '@troupe/sim';
import { Choices } from './storage/choices.ts';
import { CountedFiles } from './storage/counted-files.ts';
import { Host, open, tiny } from './storage/host.ts';
import { MapFiles } from './storage/map-files.ts';
import {
  append,
  commands,
  contentOf,
  contentsOf,
  GROUPS,
  idleSteps,
  possible,
  snapshotAt,
  type Step,
  twentySteps,
} from './storage/story.ts';

/** Takes the steps until the files stop, or all are taken. @returns how many were answered */
async function takeSteps(
  { env }: Place,
  counted: CountedFiles,
  steps: readonly Step[],
): Promise<number> {
  let durable = 0;
  const all = async (): Promise<void> => {
    const opened = await openStore(counted.files, { ...tiny, env });
    if (opened.verdict === 'corrupt') throw new Error(opened.damage.reason);
    for (const step of steps) {
      await step.run(opened.store);
      durable += 1;
    }
    await opened.store.close();
  };
  await Promise.race([all(), counted.stopped]);
  return durable;
}

for (const { name, run } of storeCases) {
  test(`on a simulated disk: ${name}`, async (t) => {
    const host = new Host(1);

    await host.run(({ files, env }) => run(async () => ({ open: () => open({ files, env }) })));

    t.pass();
  });
}

/** Ends the power after each operation of `steps`, in any combination of sectors. */
async function crashEverywhere(t: ExecutionContext, steps: readonly Step[]): Promise<void> {
  const contents = await contentsOf(steps);
  const verdicts = { clean: 0, cut: 0 };
  let runs = 0;
  for (let limit = 1; ; limit += 1) {
    const choices = new Choices();
    let total = Infinity;
    do {
      const host = new Host(1);
      const durable = await host.run(async (place) => {
        const counted = new CountedFiles(place.files, limit);
        const taken = await takeSteps(place, counted, steps);
        total = counted.done;
        return taken;
      });
      host.disk.cutPower(choices);
      const [verdict, content] = await host.find();
      host.disk.cutPower(); // What was found counts, so it must stay.
      const again = await host.find();
      runs += 1;
      if (verdict !== 'clean' && verdict !== 'cut') {
        return t.fail(`after ${limit} operations: ${verdict} ${content}`);
      }
      if (again[1] !== content) return t.fail(`after ${limit} operations: ${again.join(', ')}`);
      verdicts[verdict] += 1;
      if (!possible(contents, steps, durable).includes(content)) {
        return t.fail(`after ${limit} operations and ${durable} steps:\n${content}`);
      }
    } while (choices.advance());
    if (total < limit) break;
  }
  t.log(`${runs} crashes: ${verdicts.clean} clean, ${verdicts.cut} cut`);

  t.true(verdicts.cut > 20);
}

test('a crash after any operation of twenty steps, in any combination of sectors, loses nothing', async (t) => {
  await crashEverywhere(t, twentySteps);
});

test('nor does one while the entries of an idle group are written anew', async (t) => {
  await crashEverywhere(t, idleSteps);

  const segments = await new Host(1).run(async (place) => {
    const store = await open(place);
    for (const step of idleSteps) await step.run(store);
    return store.size.segments;
  });
  t.true(segments <= 6, `${segments} segments`);
});

/** Every byte of every segment, one bit of it turned over in turn. */
function* damaged(whole: MapFiles): Generator<readonly [what: string, files: MapFiles]> {
  for (const [name, bytes] of whole.contents) {
    if (!name.startsWith('log-')) continue;
    for (let offset = 0; offset < bytes.length; offset += 1) {
      const copy = new MapFiles(whole.contents);
      const content = copy.contents.get(name) ?? new Uint8Array();
      content[offset] = (content[offset] ?? 0) ^ (1 << (offset % 8));
      yield [`${name} at ${offset}`, copy];
    }
  }
}

test('a bit that turns over anywhere in a closed log is noticed, or does no harm', async (t) => {
  const whole = new MapFiles();
  const env = virtualEnv();
  const store = await open({ files: whole, env });
  for (const step of twentySteps) await step.run(store);
  const content = await contentOf(store);
  await store.close();
  const found = { corrupt: 0, salvaged: 0, clean: 0, cut: 0 };
  for (const [what, files] of damaged(whole)) {
    const opened = await openStore(files, { ...tiny, env });
    found[opened.verdict] += 1;
    if (opened.verdict === 'corrupt') continue;
    if (opened.verdict === 'salvaged') {
      // One in eight, of which each costs as much as all that is found.
      if (found.salvaged % 8 === 0) await isSalvaged(t, whole, { ...opened, files });
      continue;
    }
    if ((await contentOf(opened.store)) !== content) return t.fail(`${what}: ${opened.verdict}`);
  }
  t.log(JSON.stringify(found));

  t.true(found.corrupt > 1_000);
  t.true(found.salvaged > 1_000);
});

/** All that was promised is known, and of each group either all entries, or that they are lost. */
async function isSalvaged(
  t: ExecutionContext,
  whole: MapFiles,
  { store, groups, files }: { store: DiskStore; groups: readonly string[]; files: MapFiles },
): Promise<void> {
  const env = virtualEnv();
  const intact = await open({ files: new MapFiles(whole.contents), env });
  await store.close();
  const again = await openStore(files, { ...tiny, env });
  if (again.verdict !== 'clean') throw new Error(`it is ${again.verdict} when it is opened again`);
  for (const group of GROUPS) {
    const was = await intact.recover(group);
    const is = await again.store.recover(group);
    const entries = groups.includes(group) ? [] : [...(was?.entries ?? [])];
    const damaged = groups.includes(group) ? true : undefined;
    t.deepEqual(is?.hardState, was?.hardState);
    t.deepEqual(is?.snapshot, was?.snapshot);
    t.deepEqual([...(is?.entries ?? [])], entries);
    t.is(is?.damaged, damaged);
    await again.store.healed(group);
    t.is((await again.store.recover(group))?.damaged, undefined);
  }
}

test('a sync, a write or a name that fails ends the store, and nothing that was answered is lost', async (t) => {
  const contents = await contentsOf(twentySteps);
  let failures = 0;
  for (let seed = 1; seed <= 300; seed += 1) {
    const host = new Host(seed);
    const random = new Random(seed);
    let durable = 0;
    await host.run(async (place) => {
      host.disk.setQuality({ errors: random.between(0.01, 0.1) });
      try {
        const store = await open(place);
        for (const step of twentySteps) {
          await step.run(store);
          durable += 1;
        }
      } catch (error) {
        failures += 1;
        t.true(error instanceof StoreFailed || /EIO/.test(String(error)), String(error));
      }
    });
    host.disk.setQuality({ errors: 0 });
    if (random.chance(0.5)) host.disk.cutPower();
    const [verdict, content] = await host.find();
    host.disk.cutPower(); // What was found counts, so it must stay.
    const [again, contentAgain] = await host.find();

    t.true(verdict === 'clean' || verdict === 'cut', `seed ${seed}: ${verdict} ${content}`);
    t.true(again === 'clean' || again === 'cut', `seed ${seed}: ${again} ${contentAgain}`);
    t.true(possible(contents, twentySteps, durable).includes(content), `seed ${seed}\n${content}`);
    t.is(contentAgain, content, `seed ${seed}`);
  }

  t.true(failures > 100, `${failures}`);
});

test('a disk that hangs answers nobody, and then all of them in order, with few syncs', async (t) => {
  const host = new Host(1);
  await host.run(async (place) => {
    const store = await open(place, { segmentBytes: 65_536 });
    await append('g', commands(1, 1, 1)).run(store);
    const told: number[] = [];
    host.disk.hang();
    const began = place.env.now();
    const all = Array.from({ length: 50 }, (_, i) =>
      append('g', commands(i + 2, i + 2, 1))
        .run(store)
        .then(() => told.push(i)),
    );
    await host.world.sleep(30_000);
    t.deepEqual(told, []);
    host.disk.goOn();
    await Promise.all(all);

    t.deepEqual(told, [...told.keys()]);
    t.true(place.env.now() - began < 30_010, 'two writes, and not fifty');
    await store.close();
  });
});

test('a full disk gives up its reserve, waits, and goes on when the log is shortened', async (t) => {
  const host = new Host(1);
  const told: boolean[] = [];
  let last = 0;
  await host.run(async (place) => {
    const onFull = (isFull: boolean): void => void told.push(isFull);
    const store = await open(place, { reserveBytes: 4_096, onFull });
    host.disk.setQuality({ capacityBytes: 16_384 });
    let isStuck = false;
    while (!isStuck) {
      const saved = append('g', commands(last + 1, last + 4, 1)).run(store);
      isStuck = await Promise.race([
        saved.then(() => false),
        host.world.sleep(10_000).then(() => true),
      ]);
      last += 4;
      if (!isStuck) continue;
      t.deepEqual(told, [true]);
      t.true(store.isFull);
      await store.compact('g', snapshotAt(last - 4, 1), last - 5); // Goes first, and makes room.
      await saved;
    }
    await host.world.sleep(60_000);
    t.deepEqual(told, [true, false]);
    await append('g', commands(last + 1, last + 1, 1)).run(store);
    await store.close();
  });

  const [verdict, content] = await host.find();

  t.is(verdict, 'clean');
  t.regex(content, new RegExp(`snapshot s${last - 4}, base ${last - 6}/1(\\n .*){7}$`));
});

test('a segment that is full to its end has room for a compaction, and leaves nothing unfinished', async (t) => {
  const host = new Host(1);
  const voters = Array.from({ length: 20 }, (_, i) => `node-${i}`);
  let last = 1;
  await host.run(async (place) => {
    const store = await open(place);
    await append('g', commands(1, 1, 1)).run(store);
    await host.world.sleep(1_000);
    host.disk.setQuality({ capacityBytes: 4_096 }); // The present segment, and one made ahead.
    let isStuck = false;
    const isWaiting = (): Promise<true> => host.world.sleep(10_000).then(() => true as const);
    let saved = Promise.resolve();
    while (!isStuck) {
      last += 1;
      const entry = { kind: 'noop', index: last, term: 1 } as const;
      saved = append('g', [entry]).run(store); // Shorter than the compaction.
      isStuck = await Promise.race([saved.then(() => false), isWaiting()]);
    }
    t.true(store.isFull);
    t.is(store.size.segments, 2);
    t.deepEqual(
      (await place.files.list()).filter((name) => name.startsWith('filling-')),
      [],
    );

    const { configuration, ...snapshot } = snapshotAt(last - 1, 1);
    const made = { ...snapshot, configuration: { ...configuration, voters } };
    const compacting = store.compact('g', made, last);
    t.not(await Promise.race([compacting, isWaiting()]), true);
    await saved;
    await store.close();
  });

  const [verdict, content] = await host.find();

  t.is(verdict, 'clean');
  t.regex(content, new RegExp(`snapshot s${last - 1}, base ${last - 1}/1`));
});

test('a full disk is waited for in the smaller segments of an earlier life, too', async (t) => {
  const host = new Host(1);
  await host.run(async (place) => {
    const store = await open(place);
    await append('g', commands(1, 1, 1)).run(store);
    await host.world.sleep(1_000);
    await store.close();
  });
  await host.run(async (place) => {
    const store = await open(place, { segmentBytes: 8_192 });
    host.disk.setQuality({ capacityBytes: 4_096 });
    let saved = 1;
    const saving = (async () => {
      for (; saved < 40; saved += 1) {
        await append('g', commands(saved + 1, saved + 1, 1)).run(store);
      }
    })();
    await host.world.sleep(10_000);
    const known = saved;

    t.true(store.isFull);
    t.true(known > 8 && known < 20, `${known} entries`);
    host.disk.setQuality({ capacityBytes: Infinity });
    await saving;
    await store.close();
  });

  const [verdict, content] = await host.find();

  t.is(verdict, 'clean');
  t.regex(content, / 40\/1 command 40 /);
});

test('a log that is shortened in time never waits, however full the disk is', async (t) => {
  const host = new Host(1);
  const told: boolean[] = [];
  await host.run(async (place) => {
    let isFull = false;
    const onFull = (full: boolean): void => {
      isFull = full;
      told.push(full);
    };
    const store = await open(place, { reserveBytes: 4_096, onFull });
    host.disk.setQuality({ capacityBytes: 16_384 });
    for (let last = 4; last <= 400; last += 4) {
      await append('g', commands(last - 3, last, 1)).run(store);
      if (isFull) await store.compact('g', snapshotAt(last, 1), last + 1);
    }
    await store.close();
  });

  t.true(told.length >= 4, told.join());
  const [verdict] = await host.find();
  t.is(verdict, 'clean');
});

/** A step that makes sense after those before it, whatever they were. */
interface Model {
  first: number;
  last: number;
  term: number;
}

function stepFor(model: Model, [kind, size]: readonly [number, number]): Step {
  if (kind === 0 && model.last >= model.first) {
    const index = model.first + (size % (model.last - model.first + 1));
    model.first = index; // It stays, so that nobody need know its term.
    return {
      name: `compact ${index}`,
      run: (store) => store.compact('g', snapshotAt(index, model.term), index),
    };
  }
  if (kind === 1) model.term += 1;
  const from = kind === 1 ? Math.max(model.first, model.last - size) : model.last + 1;
  model.last = from + size;
  return append('g', commands(from, model.last, model.term));
}

test('whatever is saved, and whenever the power fails, what is found is what was saved', async (t) => {
  const plan = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 9 })), {
    minLength: 1,
    maxLength: 30,
  });
  await fc.assert(
    fc.asyncProperty(plan, fc.nat(400), fc.nat(1_000), async (kinds, limit, seed) => {
      const model = { first: 1, last: 0, term: 1 };
      const steps = kinds.map((kind) => stepFor(model, kind));
      const contents = await contentsOf(steps);
      const host = new Host(seed);
      const durable = await host.run((place) =>
        takeSteps(place, new CountedFiles(place.files, limit + 1), steps),
      );
      host.disk.cutPower();
      const [verdict, content] = await host.find();
      return (
        ['clean', 'cut'].includes(verdict) && possible(contents, steps, durable).includes(content)
      );
    }),
    { numRuns: 300, seed: 7 },
  );

  t.pass();
});
