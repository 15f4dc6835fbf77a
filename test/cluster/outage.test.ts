import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { Crew } from './outage/crew.ts';
import { Hosts } from './outage/hosts.ts';
import { blocked, cutOneWay, killed, partitioned, paused, restarted } from './outage/outages.ts';

// Small enough for every run of the tests; `npm run outage` is the whole of it.
const limitMs = 30_000;

test.serial(
  'of ten processes some are killed, stopped, blocked and restarted; nobody else is given up',
  async (t) => {
    t.timeout(60_000);
    await using crew = new Crew({ thread: 'mixed' });
    await crew.gather(10, limitMs);

    const outages = [
      await killed(crew, 2, { limitMs }),
      await paused(crew, 2, { forMs: 4_000, limitMs }),
      await blocked(crew, 1, { forMs: 1_000, limitMs }),
      await restarted(crew, { limitMs }),
    ];

    for (const { what, figures, wrong } of outages) {
      t.log(what, figures);
      t.deepEqual(wrong, [], what);
    }
  },
);

const whyNot = Hosts.whyNot();
const title = 'on hosts, links cut one way cost nobody, and two halves find together again';

// Where the machine forbids network namespaces, the title says why.
if (whyNot !== undefined) test.skip(`${title}: ${whyNot}`, (t) => t.pass());
else {
  test.serial(title, async (t) => {
    t.timeout(60_000);
    using hosts = Hosts.create(Array.from({ length: 6 }, (_, i) => `n${i}`));
    await using crew = new Crew({ hosts });
    await crew.gather(6, limitMs);

    const outages = [
      await cutOneWay(crew, hosts, { forMs: 4_000, limitMs }),
      await partitioned(crew, hosts, { forMs: 8_000, limitMs }),
    ];

    for (const { what, figures, wrong } of outages) {
      t.log(what, figures);
      t.deepEqual(wrong, [], what);
    }
  });
}

test('the command of the whole says how it is used', async (t) => {
  const main = fileURLToPath(new URL('./outage/main.js', import.meta.url));
  const run = (option: string) => promisify(execFile)(process.execPath, [main, option]);

  t.regex((await run('--help')).stdout, /^usage: npm run outage/);
  await t.throwsAsync(run('--hosts=-1'), { message: /each number is whole/, code: 2 });
  await t.throwsAsync(run('--thread=some'), { message: /none, mixed, all, not 'some'/, code: 2 });
  await t.throwsAsync(run('--bogus'), { message: /'--bogus'\ntry: npm run outage/, code: 2 });
});
