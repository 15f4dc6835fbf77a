import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

test('the command says how long small calls wait beside large values, in calls and in a stream', async (t) => {
  const command = fileURLToPath(new URL('./latency.js', import.meta.url));

  const { stdout } = await promisify(execFile)(process.execPath, [command, '--mib', '4']);

  t.regex(stdout, /^a small call, in ms +median +99 % +99.9 % +longest +calls +MB\/s\n/);
  t.regex(stdout, /\nwith nothing beside it( +[\d.]+){5}\n/);
  t.regex(stdout, /\nbeside 4 MiB in calls( +[\d.]+){6}\nbeside 4 MiB in a stream( +[\d.]+){6}\n$/);
});
