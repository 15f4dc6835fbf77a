import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { channel, Deadlock, ParkedGoroutines, select } from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

test('who waits for which channel, and where, is on a list while it waits', async (t) => {
  const env = virtualEnv();
  using parked = new ParkedGoroutines({ env });
  const c = channel<number>(0, { env });
  async function worker(): Promise<number> {
    return (await c.receive()) + 1;
  }
  const working = worker();
  await env.advance(1_500);

  const [waiting, ...others] = parked.list();
  void c.send(1);

  t.deepEqual(others, []);
  t.like(waiting, { number: 1, state: 'chan receive', waitedMs: 1_500 });
  t.regex(
    waiting?.waitsFor[0] ?? '',
    /^receive from channel 1 \(0 of 0\), made at .*\.test\.[jt]s/,
  );
  t.regex(waiting?.stack[0] ?? '', /^worker .*parked-goroutines\.test/);
  t.is(await working, 2);
  t.deepEqual(parked.list(), []);
  t.is(parked.deadlock(), undefined);
});

test('a select waits once, for all its channels', async (t) => {
  const env = virtualEnv();
  const before = channel<number>(0, { env });
  using parked = new ParkedGoroutines({ env });
  const c = channel<number>(2, { env });
  const selecting = select({ before, c }, { env });

  const list = parked.list();
  const error = parked.deadlock();
  void c.send(1);
  await selecting;

  t.is(list.length, 1);
  t.is(list[0]?.state, 'select');
  const waitsFor = list[0]?.waitsFor ?? [];
  t.is(waitsFor[0], 'receive from a channel made before (0 of 0)');
  t.regex(waitsFor[1] ?? '', /^receive from channel 1 \(0 of 2\)/);
  t.true(error instanceof Deadlock);
  t.regex(error?.message ?? '', /^all goroutines are asleep - deadlock!\n\ngoroutine 1 \[select/);
  t.deepEqual(parked.list(), []);
});

test('waits that are over do not pile up', async (t) => {
  const env = virtualEnv();
  using parked = new ParkedGoroutines({ env });
  const c = channel<number>(0, { env });
  for (let i = 0; i < 5_000; i += 1) {
    const received = c.receive();
    void c.send(i);
    await received;
  }

  t.deepEqual(parked.list(), []);
  void c.receive();
  t.is(parked.list()[0]?.number, 5_001);
});

test('an Env is followed by one at a time', (t) => {
  const env = virtualEnv();
  const first = new ParkedGoroutines({ env });

  t.throws(() => new ParkedGoroutines({ env }), { instanceOf: TypeError, message: /another/ });
  first.close();

  t.notThrows(() => new ParkedGoroutines({ env }));
});

test('a registry that was closed sees nothing', (t) => {
  const env = virtualEnv();
  const parked = new ParkedGoroutines({ env });
  parked.close();

  void channel<number>(0, { env }).receive();

  t.deepEqual(parked.list(), []);
});

test('a process with nothing left to do says who waits for what, and exits with 2', (t) => {
  const program = fileURLToPath(new URL('./programs/deadlock.js', import.meta.url));

  const { status, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8' });

  t.is(status, 2);
  t.regex(stderr, /all goroutines are asleep - deadlock!/);
  t.regex(
    stderr,
    /\[chan send, \d+ ms\]:\n +send to channel 2 \(0 of 0\), made at .*\n +at server /,
  );
  t.regex(
    stderr,
    /\[chan send, \d+ ms\]:\n +send to channel 1 \(0 of 0\), made at .*\n +at client /,
  );
  t.regex(
    stderr,
    /\[select, \d+ ms\]:\n +receive from channel 3 \(0 of 4\).*\n +send to channel 4/,
  );
});
