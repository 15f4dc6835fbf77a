import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

test('calls, references, aborted calls and closed channels leave nothing behind', async (t) => {
  const command = fileURLToPath(new URL('./leaks.js', import.meta.url));

  const { stdout } = await promisify(execFile)(process.execPath, [command, '--calls', '20000']);

  t.regex(stdout, /^20000 calls: heap .* larger, handles (\d+) then \1, channels .* 0 then 0\n$/);
});
