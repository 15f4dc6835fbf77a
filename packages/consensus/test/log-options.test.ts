import test from 'ava';
import { type LogOptions, openStore } from '@troupe/consensus';
import { freshFiles, small } from './places.ts';

const refuses = test.macro({
  title: (_, options: Partial<LogOptions>) => `an option is refused: ${JSON.stringify(options)}`,
  async exec(t, options: Partial<LogOptions>, message: RegExp) {
    const files = await freshFiles(t);

    await t.throwsAsync(openStore(files, { ...small, ...options }), {
      code: 'ERR_BAD_OPTION',
      message,
    });
    t.deepEqual(await files.list(), []);
  },
});

test(refuses, { segmentBytes: 100 }, /^segmentBytes is 100: give an integer of at least 1024$/);
test(refuses, { segmentBytes: 1_028 }, /multiple of 8/);
test(refuses, { batchBytesMax: 0 }, /^batchBytesMax is 0/);
test(refuses, { sealAfterMs: -1 }, /^sealAfterMs is -1/);
test(refuses, { node: 'n'.repeat(440) }, /take 444 bytes, give 440 at most/);

test('the log of another node is refused, and left as it is', async (t) => {
  const files = await freshFiles(t);
  const opened = await openStore(files, small);
  if (opened.verdict === 'clean') await opened.store.close();
  const before = await files.list();

  const error = await t.throwsAsync(openStore(files, { ...small, node: 'b' }));

  t.like(error, { code: 'ERR_WRONG_LOG', executed: 'no', file: 'log-00000001' });
  t.regex(error.message, /node 'a' of cluster 'test', not of 'b' of 'test'/);
  t.deepEqual(await files.list(), before);
});
