import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';

function run(command: string, ...args: readonly string[]) {
  const path = fileURLToPath(new URL(`${command}.js`, import.meta.url));
  return spawnSync(process.execPath, [path, ...args], { encoding: 'utf8' });
}

for (const command of ['fuzz', 'leaks', 'latency', 'record-wire']) {
  test(`npm run ${command} tells its options, and does nothing when one is wrong`, (t) => {
    const asked = run(command, '--help');
    const wrong = run(command, '--fast');

    t.like(asked, { status: 0, stderr: '' });
    t.true(asked.stdout.startsWith(`npm run ${command} -w @troupe/remote`));
    t.like(wrong, { status: 2, stdout: '' });
    t.regex(wrong.stderr, /'--fast'[^]*npm run/);
  });
}

test('a number that is none is refused, with its option', (t) => {
  const { status, stderr } = run('fuzz', '--minutes', 'ten');

  t.is(status, 2);
  t.regex(stderr, /^--minutes takes a number of at least 0, not 'ten'\n/);
});
