import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const forNode = fileURLToPath(new URL('./runners/node.spec.js', import.meta.url));
const forVitest = fileURLToPath(new URL('./runners/vitest.spec.js', import.meta.url));
const vitest = join(
  fileURLToPath(new URL('.', import.meta.resolve('vitest/package.json'))),
  'vitest.mjs',
);

interface Failed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

// ava's own `test` takes part in nodes.test.ts.
for (const [name, args, passed] of [
  ['vitest', [vitest, 'run', '--root', dirname(forVitest), forVitest], /3 passed/],
  ['node:test', ['--test', forNode], /pass 3/],
] as const) {
  test(`tests of seeds run in ${name}, and one that fails says its seed`, async (t) => {
    const { SEED: _, ...env } = process.env;
    const good = await run(process.execPath, args, { env: { ...env, NO_COLOR: '1' } });

    const broken = { env: { ...env, NO_COLOR: '1', BROKEN: 'yes' } };
    const bad: Failed | undefined = await run(process.execPath, args, broken).then(
      () => undefined,
      (error: Failed) => error,
    );

    t.regex(good.stdout, passed);
    t.is(bad?.code, 1);
    t.regex(`${bad?.stdout}${bad?.stderr}`, /seed 2 fails: Error: time stands still/);
  });
}

for (const protocol of ['raft', 'gossip', 'interval']) {
  test(`the command of worlds of ${protocol} says which option it does not know`, async (t) => {
    const main = fileURLToPath(new URL('./main.js', import.meta.url));

    const wrong = run(process.execPath, [main, protocol, '--bogus']);

    const message = new RegExp(`'--bogus'\\ntry: npm run sim -- ${protocol} --help`);
    await t.throwsAsync(wrong, { message, code: 2 });
  });
}
