import test from 'ava';
import { Children, ProgramFailed } from '../dist/children.js';
import { running } from './programs.ts';

/** Nothing in it ends. */
const forever = `require('node:net').createServer().listen(0, '127.0.0.1');`;

/** Starts a grandchild that lives for ever and holds on to the output; then does `then`. */
const parent = (then: string): string => `
  const { spawn } = require('node:child_process');
  const args = ['-e', ${JSON.stringify(forever)}];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  child.unref();
  child.on('spawn', () => console.log('started'));
  ${then}`;

test('a program that ends takes along what it started', async (t) => {
  const printed = await new Children().run(running(parent('')), { timeoutMs: 30_000 });

  t.is(printed, 'started\n');
});

test('a program that takes too long is ended, with what it started', async (t) => {
  const code = parent(forever);

  await t.throwsAsync(new Children().run(running(code), { timeoutMs: 1_000 }), {
    instanceOf: ProgramFailed,
    message: /took longer than 1000 ms/,
  });
});

test('all that runs can be ended at once', async (t) => {
  const children = new Children();
  const ends = [1, 2].map(() =>
    t.throwsAsync(children.run(running(forever), { timeoutMs: 60_000 }), {
      message: /ended with SIGKILL/,
    }),
  );

  children.endAll();

  await Promise.all(ends);
});

test('a command that does not exist is told by its code', async (t) => {
  const run = new Children().run({ file: 'no-such-command', args: [] }, { timeoutMs: 1_000 });

  await t.throwsAsync(run, { code: 'ENOENT' });
});
