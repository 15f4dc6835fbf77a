import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

test('calls, references, aborted calls, streams, functions and channels leave nothing behind', async (t) => {
  const command = fileURLToPath(new URL('./leaks.js', import.meta.url));

  const { stdout } = await promisify(execFile)(process.execPath, [command, '--calls', '20000']);

  t.regex(stdout, /^20000 in all +2500 of each\n/);
  t.regex(stdout, /\n {2}handles +(\d+) +\1\n/);
  for (const what of ['calls under way', 'streams', 'functions', 'channel ends']) {
    t.regex(stdout, new RegExp(`\n {2}${what} +0 +0\n`));
  }
  t.regex(stdout, /\n {2}channels known elsewhere +0 +0\n$/);
});
