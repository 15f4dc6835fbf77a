import { execFile } from 'node:child_process';
import test from 'ava';

interface Ended {
  readonly code: number;
  readonly said: string;
}

/** A process that runs `program`, until it ends by itself, or after half a minute by force. */
function run(program: string): Promise<Ended> {
  const text = `
    import { Engine, openCoordination } from '@troupe/consensus';
    import { add, Adder } from '@troupe/consensus/conformance';
    ${program}
  `;
  const options = { cwd: import.meta.dirname, timeout: 30_000, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--input-type=module', '--eval', text],
      options,
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), said: stdout + stderr }),
    );
  });
}

test('a process with nothing else to do ends, although it has a group', async (t) => {
  const ended = await run(`
    const group = await new Engine().open({ group: 'sum', machine: new Adder() });
    console.log((await group.propose(add(2))).result);
  `);

  t.deepEqual(ended, { code: 0, said: '2\n' });
});

test('a process with nothing else to do ends, although it holds a lock', async (t) => {
  const ended = await run(`
    const { locks } = await openCoordination(new Engine());
    await locks.acquire('x');
    console.log('held');
  `);

  t.deepEqual(ended, { code: 0, said: 'held\n' });
});

test('a process does not end while somebody waits for a group', async (t) => {
  const ended = await run(`
    const engine = new Engine({ node: 'a' });
    const group = await engine.open({ group: 'sum', machine: new Adder(), voters: ['a', 'b'] });
    console.log(await group.read({ timeoutMs: 200 }).catch((error) => error.code));
  `);

  t.deepEqual(ended, { code: 0, said: 'ERR_DEADLINE_EXCEEDED\n' });
});
