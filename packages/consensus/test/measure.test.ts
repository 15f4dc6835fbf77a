import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

test('what a store does per second, and how long it takes to start again, is measured', async (t) => {
  const command = fileURLToPath(new URL('./measure.js', import.meta.url));
  const options = ['--dir', tmpdir(), '--seconds', '0.1', '--entries', '2000'];

  const { stdout } = await promisify(execFile)(process.execPath, [command, ...options]);

  t.regex(stdout, /^1 clients: commands\/s [\d,]+, p50 ms [\d.]+, /);
  t.regex(stdout, /restart, 2,000 entries: open ms \d+, entries ms \d+\n$/);
});
