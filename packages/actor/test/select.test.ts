import test from 'ava';
import { after, channel, ChannelClosed, select, selectNow, sending } from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

test('the case that is ready goes on, and only that one', async (t) => {
  const a = channel<number>(1);
  const b = channel<string>(1);
  a.trySend(1);

  const r = await select({ a, b, out: sending(channel<number>(), 5) });

  t.deepEqual(r, { case: 'a', ok: true, value: 1 });
});

test('a select waits, and leaves no trace in the cases that lost', async (t) => {
  const a = channel<number>();
  const b = channel<number>();
  const waiting = select({ a, b });
  void a.send(1);

  t.like(await waiting, { case: 'a', value: 1 });
  t.is(b.trySend(2), 'full'); // Nobody waits there any more.
});

test('a losing case does not disturb the waiters around it (Go: select6)', async (t) => {
  const c = channel<number>();
  const other = channel<number>();
  const first = c.receive();
  const middle = select({ c, other });
  const last = c.receive();

  void other.send(0);
  t.like(await middle, { case: 'other' });
  void c.send(1);
  void c.send(2);

  t.deepEqual(await Promise.all([first, last]), [1, 2]);
});

test('a send case hands its element over when a receiver comes', async (t) => {
  const out = channel<number>();
  const sent = select({ sent: sending(out, 7), late: after(1_000) });

  t.is(await out.receive(), 7);
  t.deepEqual(await sent, { case: 'sent' });
});

test('a select does not meet itself', async (t) => {
  const c = channel<number>();
  const both = select({ in: c, out: sending(c, 1) });
  t.is(selectNow({ in: channel<number>() }), undefined);

  t.is(await c.receive(), 1);
  t.deepEqual(await both, { case: 'out' });
});

test('ready cases are drawn evenly', (t) => {
  const env = virtualEnv(7);
  const a = channel<number>(10_000);
  const b = channel<number>(10_000);
  for (let i = 0; i < 10_000; i += 1) {
    a.trySend(i);
    b.trySend(i);
  }
  let fromA = 0;
  for (let i = 0; i < 2_000; i += 1) {
    if (selectNow({ a, b }, { env })?.case === 'a') fromA += 1;
  }

  t.true(fromA > 900 && fromA < 1_100, `${fromA} of 2000 from a`);
});

test('100,000 selects with a case that is never ready keep no memory of it (Go: select2)', async (t) => {
  const never = channel<number>();
  const c = channel<number>();
  for (let i = 0; i < 100_000; i += 1) {
    const r = select({ never, c });
    void c.send(i);
    if ((await r).case !== 'c') t.fail();
  }

  t.is(never.trySend(1), 'full');
});

test('a closed channel is ready to receive from, with the end', async (t) => {
  const c = channel<number>();
  const waiting = select({ c });

  c.close();

  t.deepEqual(await waiting, { case: 'c', ok: false, error: undefined });
  t.deepEqual(await select({ c }), { case: 'c', ok: false, error: undefined });
});

test('sending into a closed channel rejects', async (t) => {
  const c = channel<number>();
  const waiting = t.throwsAsync(select({ out: sending(c, 1) }), { instanceOf: ChannelClosed });

  c.close();

  await waiting;
  await t.throwsAsync(select({ out: sending(c, 1) }), { instanceOf: ChannelClosed });
});

test('time and signals are cases; a select that went on leaves no timer', async (t) => {
  const env = virtualEnv();
  const c = channel<number>(1, { env });
  const controller = new AbortController();

  const timedOut = select({ c, late: after(100) }, { env });
  await env.advance(100);
  t.deepEqual(await timedOut, { case: 'late' });

  const stopped = select({ c, stop: controller.signal, late: after(100) }, { env });
  controller.abort('enough');
  t.deepEqual(await stopped, { case: 'stop', reason: 'enough' });
  t.is(env.timers, 0);
});

test('a false case is disabled, and selectNow says when nothing is ready', (t) => {
  const c = channel<number>(1);
  c.trySend(1);
  const wanted = false as boolean;

  t.is(selectNow({ c: wanted && c, other: channel<string>() }), undefined);
  t.like(selectNow({ c }), { case: 'c', value: 1 });
});

test('what is no case is refused by name', (t) => {
  t.throws(() => void select({ odd: {} as never }), { message: /'odd'/ });
});
