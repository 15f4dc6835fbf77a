import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

test('calls, streams, functions, monitors, channels, clients and nodes leave nothing behind', async (t) => {
  const command = fileURLToPath(new URL('./leaks.js', import.meta.url));

  const { stdout } = await promisify(execFile)(process.execPath, [command, '--calls', '20000']);

  t.regex(stdout, /^20880 in all\n {2}calls +1600\n/);
  t.regex(stdout, /\n {2}clients, come and gone +16\n/);
  t.regex(stdout, /\n {2}handles +(\d+) +\1\n/);
  for (const what of [
    'calls under way',
    'streams',
    'functions',
    'signals',
    'channel ends',
    'channels known elsewhere',
    'nodes known by name',
    'clients',
  ]) {
    t.regex(stdout, new RegExp(`\n {2}${what} +0 +0\n`));
  }
  t.regex(stdout, /\n {2}peers +(\d+) +\1\n$/);
});
