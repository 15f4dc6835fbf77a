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
