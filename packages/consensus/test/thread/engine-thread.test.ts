import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { processEnv } from '@troupe/actor';
import { EngineThread, type EngineThreadOptions } from '@troupe/consensus';
import { add, Adder } from '@troupe/consensus/conformance';
import { freshDirectory } from '../places.ts';

const self = { name: 'a', incarnation: '1', address: '' };

test('the log of a thread uses its disk as it is told to', async (t) => {
  const data = await freshDirectory(t);
  const log = { segmentBytes: 8_192, reserveBytes: 0 };
  const { driver } = await EngineThread.start({ self, env: processEnv(), data, log });
  const group = await driver.open({ group: 'g', machine: new Adder() });
  await group.propose(add(1));
  await driver.stop();

  const names = await readdir(data);
  const segments = names.filter((name) => name.startsWith('log-'));
  const sizes = await Promise.all(
    segments.map(async (name) => (await stat(join(data, name))).size),
  );

  t.deepEqual(new Set(sizes), new Set([log.segmentBytes]));
  t.false(names.includes('reserve'));
});

interface Refused {
  readonly log: EngineThreadOptions['log'];
  readonly inMemory: boolean;
}

const refuses = test.macro({
  title: (_, what: string) => `a thread is not started with ${what}`,
  async exec(t, _what: string, { log, inMemory }: Refused, message: RegExp) {
    const options: EngineThreadOptions = { self, env: processEnv(), log };
    const data = inMemory ? undefined : await freshDirectory(t);

    const error = await t.throwsAsync(EngineThread.start({ ...options, data }));

    t.like(error, { name: 'BadOption', code: 'ERR_BAD_OPTION', executed: 'no' });
    t.regex(error.message, message);
  },
});

test(
  refuses,
  'a segment that holds nothing',
  { log: { segmentBytes: 100 }, inMemory: false },
  /^segmentBytes is 100: give an integer of at least 1024$/,
);
test(
  refuses,
  'sizes of files where it has none',
  { log: { reserveBytes: 0 }, inMemory: true },
  /^log is an object: a log in memory has no files/,
);
