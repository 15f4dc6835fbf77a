import test from 'ava';
import { type File, type Files, World } from '@troupe/sim';

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

async function write(files: Files, path: string, text: string): Promise<File> {
  const file = await files.open(path, { create: true });
  await file.write(0, Buffer.from(text));
  return file;
}

async function read(files: Files, path: string): Promise<string> {
  const file = await files.open(path);
  return textOf(await file.read(0, await file.size()));
}

/** Runs `before` in one process, ends it, and `after` in the next. */
async function acrossCrash<T>(
  options: { readonly seed: number; readonly power: boolean },
  before: (files: Files) => Promise<unknown>,
  after: (files: Files) => Promise<T>,
): Promise<T> {
  const world = new World({ seed: options.seed, hosts: ['a'] });
  return world.drive(
    (async () => {
      await world.start('a', ({ files }) => before(files));
      world.crash('a', { power: options.power });
      return world.start('a', ({ files }) => after(files));
    })(),
  );
}

test('what a process wrote is there for the next one, synced or not', async (t) => {
  const text = await acrossCrash(
    { seed: 1, power: false },
    (files) => write(files, 'log', 'hello'),
    (files) => read(files, 'log'),
  );

  t.is(text, 'hello');
});

test('what was synced, name and content, outlives the power, for every seed', async (t) => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const text = await acrossCrash(
      { seed, power: true },
      async (files) => {
        const file = await write(files, 'log', 'hello');
        await file.sync();
        await files.syncDirectory();
        await file.write(5, Buffer.from(' world'));
      },
      (files) => read(files, 'log'),
    );

    t.true(['hello', 'hello world', 'hello\0\0\0\0\0\0'].includes(text), JSON.stringify(text));
  }
});

test('without a sync, the power takes any part: all, nothing, some sectors, the name', async (t) => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 200; seed += 1) {
    outcomes.add(
      await acrossCrash(
        { seed, power: true },
        (files) => write(files, 'log', 'x'.repeat(1_024)),
        (files) =>
          read(files, 'log').then(
            (text) => text.replaceAll(/x{512}/g, 'X').replaceAll(/\0{512}/g, '0'),
            (error: Error) => error.message,
          ),
      ),
    );
  }

  t.deepEqual([...outcomes].toSorted(), ['', '00', '0X', 'ENOENT: log: no such file', 'X0', 'XX']);
});

test('a disk can be full, fail, and hang', async (t) => {
  const world = new World({ seed: 1, hosts: ['a'] });
  const disk = world.disk('a');

  await world.drive(
    (async () => {
      const { files, env } = world.start('a', (place) => place);
      disk.setQuality({ capacityBytes: 10 });
      await t.throwsAsync(write(files, 'log', 'longer than that'), { message: /^ENOSPC/ });
      const file = await write(files, 'log', 'short');
      disk.setQuality({ errors: 1 });
      await t.throwsAsync(file.sync(), { message: /^EIO/ });
      disk.setQuality({ errors: 0 });
      disk.hang();
      env.setTimer(3_000, () => disk.goOn());
      await file.sync();
      t.true(env.now() >= 3_000);
    })(),
  );
});

test('a disk is slow, fails or is full for as long as its trouble lasts', async (t) => {
  const world = new World({ seed: 1, hosts: ['a'] });
  const disk = world.disk('a');

  await world.drive(
    (async () => {
      const { files, env } = world.start('a', (place) => place);
      const file = await write(files, 'log', 'short');
      const msOf = async (run: () => Promise<unknown>): Promise<number> => {
        const before = env.now();
        await run();
        return env.now() - before;
      };
      const outcomes = async (): Promise<Set<string>> => {
        const seen = new Set<string>();
        for (let i = 0; i < 50; i += 1) {
          const writing = file.write(i, Buffer.from('0123456789')); // A little longer each time.
          seen.add(await writing.then(() => 'ok', codeOf));
        }
        return seen;
      };

      disk.suffer('slow');
      t.true((await msOf(() => file.sync())) >= 500);
      t.true((await msOf(() => files.list())) >= 20);
      disk.suffer('failing');
      t.deepEqual(await outcomes(), new Set(['ok', 'EIO']));
      disk.suffer('full');
      await file.truncate(1);
      t.deepEqual(await outcomes(), new Set(['ENOSPC']));
      await t.throwsAsync(file.truncate(100), { message: /^ENOSPC/ });
      world.heal();
      t.deepEqual(await outcomes(), new Set(['ok']));
      t.true((await msOf(() => file.sync())) < 5);
    })(),
  );
});

function codeOf(error: Error & { readonly code?: string }): string {
  return error.code ?? error.message;
}

test('what a failed sync was to write is lost with the power, though a later sync went well', async (t) => {
  const texts = new Set<string>();
  for (let seed = 1; seed <= 30; seed += 1) {
    const world = new World({ seed, hosts: ['a'] });
    const text = await world.drive(
      (async () => {
        await world.start('a', async ({ files }) => {
          const file = await write(files, 'log', 'old');
          await file.sync();
          await files.syncDirectory();
          await file.write(0, Buffer.from('new'));
          world.disk('a').setQuality({ errors: 1 });
          await t.throwsAsync(file.sync(), { message: /^EIO/ });
          world.disk('a').setQuality({ errors: 0 });
          await file.sync();
          t.is(await read(files, 'log'), 'new');
        });
        world.crash('a', { power: true });
        return world.start('a', ({ files }) => read(files, 'log'));
      })(),
    );
    texts.add(text);
  }

  t.deepEqual([...texts].toSorted(), ['new', 'old']);
});

test('a file cut short and grown again holds zeros, whatever the power took', async (t) => {
  const texts = new Set<string>();
  for (let seed = 1; seed <= 100; seed += 1) {
    const text = await acrossCrash(
      { seed, power: true },
      async (files) => {
        const file = await write(files, 'log', 'x'.repeat(1_024));
        await file.sync();
        await files.syncDirectory();
        await file.truncate(0);
      },
      async (files) => {
        const file = await files.open('log');
        const size = await file.size();
        await file.truncate(0);
        await file.truncate(1_024);
        return `${size} ${(await read(files, 'log')).replaceAll('\0', '')}`;
      },
    );
    texts.add(text);
  }

  t.deepEqual([...texts].toSorted(), ['0 ', '1024 ']);
});

test('of names that were not synced the first part is kept, in the order in which they came', async (t) => {
  const kept = new Set<string>();
  for (let seed = 1; seed <= 100; seed += 1) {
    kept.add(
      await acrossCrash(
        { seed, power: true },
        async (files) => {
          await files.open('one', { create: true });
          await files.open('two', { create: true });
          await files.rename('one', 'three');
        },
        async (files) => (await files.list()).join(' '),
      ),
    );
  }

  t.deepEqual([...kept].toSorted(), ['', 'one', 'one two', 'three two']);
});

test('a sync of a large file costs what was written since the last one', async (t) => {
  const world = new World({ seed: 1, hosts: ['a'] });

  const spentMs = await world.drive(
    (async () => {
      const { files } = world.start('a', (place) => place);
      const file = await files.open('log', { create: true });
      await file.truncate(64 * 2 ** 20);
      await file.sync();
      const startedAtMs = performance.now();
      for (let i = 0; i < 500; i += 1) {
        await file.write(i * 100, Buffer.alloc(100, i));
        await file.sync();
      }
      return performance.now() - startedAtMs;
    })(),
  );

  // Copying all of it each time would take ten times as long on the fastest machine.
  t.true(spentMs < 1_500, `${spentMs.toFixed(0)} ms`);
});

test('a bit that turns over is what is read from then on', async (t) => {
  const world = new World({ seed: 1, hosts: ['a'] });

  const text = await world.drive(
    (async () => {
      const { files } = world.start('a', (place) => place);
      const file = await write(files, 'log', 'a');
      await file.sync();
      t.true(world.disk('a').flipBit('log', 0));
      t.false(world.disk('a').flipBit('log', 7));
      return read(files, 'log');
    })(),
  );

  t.is(text, '`');
});
