import test from 'ava';
import { HostCache } from '../dist/host-cache.js';

const V4 = { family: 4 } as const;

/** A resolver that answers when it is told to, and a clock that is moved by hand. */
class Bench {
  nowMs = 0;
  readonly asked: string[] = [];
  readonly #pending: ((error: Error | null, address: string, family: number) => void)[] = [];
  readonly #cache = new HostCache({
    ask: (host, _, answered) => {
      this.asked.push(host);
      this.#pending.push(answered);
    },
    env: { now: () => this.nowMs },
  });

  /** What each look-up came to, in order. */
  readonly found: string[] = [];

  look(host: string): void {
    this.#cache.lookup(host, V4, (error, address) => this.found.push(error?.message ?? address));
  }

  answer(answer: string | Error): void {
    const isFailed = answer instanceof Error;
    this.#pending.shift()?.(isFailed ? answer : null, isFailed ? '' : answer, 4);
  }
}

test('the resolver is asked for a host once, however many datagrams go there', (t) => {
  const bench = new Bench();

  for (let i = 0; i < 3; i += 1) bench.look('db');
  bench.answer('10.0.0.1');
  for (let i = 0; i < 3; i += 1) bench.look('db');

  t.deepEqual(bench.asked, ['db']);
  t.deepEqual(bench.found, Array<string>(6).fill('10.0.0.1'));
});

test('after ten seconds it is asked anew, and the address before counts meanwhile', (t) => {
  const bench = new Bench();
  bench.look('db');
  bench.answer('10.0.0.1');

  bench.nowMs = 10_000;
  bench.look('db');
  bench.answer('10.0.0.2');
  bench.look('db');

  t.is(bench.asked.length, 2);
  t.deepEqual(bench.found, ['10.0.0.1', '10.0.0.1', '10.0.0.2']);
});

test('a host that is not found is asked for again after a second, and not before', (t) => {
  const bench = new Bench();
  bench.look('db');
  bench.answer(new Error('no such host'));

  bench.nowMs = 999;
  bench.look('db');
  bench.nowMs = 1_000;
  bench.look('db');
  bench.answer('10.0.0.1');

  t.is(bench.asked.length, 2);
  t.deepEqual(bench.found, ['no such host', 'no such host', '10.0.0.1']);
});

test('an address goes on to count when the resolver has none any more', (t) => {
  const bench = new Bench();
  bench.look('db');
  bench.answer('10.0.0.1');
  bench.nowMs = 10_000;
  bench.look('db');
  bench.answer(new Error('it is down'));

  bench.look('db');

  t.deepEqual(bench.found, ['10.0.0.1', '10.0.0.1', '10.0.0.1']);
});

test('what waits for one host is bounded, and so are the hosts that are known', (t) => {
  const bench = new Bench();
  for (let i = 0; i < 65; i += 1) bench.look('slow');
  t.deepEqual(bench.found, ['64 wait for the address of slow']);

  for (let i = 0; i < 1_024; i += 1) bench.look(`host-${i}`);
  bench.look('slow');

  t.is(bench.asked.filter((host) => host === 'slow').length, 2);
});

test("an address is none of the cache's business", (t) => {
  const bench = new Bench();

  bench.look('10.0.0.1');
  bench.look('10.0.0.1');

  t.is(bench.asked.length, 2);
});
