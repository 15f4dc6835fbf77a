import assert from 'node:assert/strict';
import type { Receiver, Sender } from '../channel.ts';
import { select, sending } from '../select.ts';
import { type ChannelCase, PRIMES, receiveCount, upTo } from './case.ts';
import { Program } from './program.ts';

/** sieve2.go: the numbers from `from` on, in steps. */
async function counter(program: Program, from: number, step: number): Promise<Receiver<number>> {
  const c = await program.make<number>(50);
  program.run(async () => {
    for (let n = from; ; n += step) await c.sender.send(n);
  });
  return c.receiver;
}

/** sieve2.go: all that are sent wait here, so that sending never blocks. */
async function unbounded(program: Program, out: Sender<number>): Promise<Sender<number>> {
  const proxy = await program.make<number>(10);
  const queue: number[] = [];
  program.run(async () => {
    for (;;) {
      const [first] = queue;
      const sent = first !== undefined && sending(out, first);
      const r = await select({ taken: proxy.receiver, sent });
      if (r.case === 'sent') queue.shift();
      else if (r.ok) queue.push(r.value);
      else return;
    }
  });
  return proxy.sender;
}

interface Multiples {
  head: number;
  readonly rest: Receiver<number>;
}

/** sieve2.go: merges the multiples of the primes that arrive, each composite once, ascending. */
async function mergeMultiples(
  program: Program,
  primes: Receiver<number>,
  composites: Sender<number>,
): Promise<void> {
  const heads: Multiples[] = [];
  const first = (): Multiples | undefined => heads.sort((a, b) => a.head - b.head)[0];
  for (;;) {
    const p = await primes.receive();
    const rest = await counter(program, p * p, 2 * p);
    const head = await rest.receive();
    for (let m = first(); m !== undefined && m.head <= head; m = first()) {
      if (m.head < head) await composites.send(m.head);
      const { head: passed } = m;
      for (const each of heads) if (each.head === passed) each.head = await each.rest.receive();
    }
    await composites.send(head);
    heads.push({ head: await rest.receive(), rest });
  }
}

export const pipelines: readonly ChannelCase[] = [
  {
    name: 'goroutines.go: ten thousand goroutines in a chain pass one value, and end',
    needs: ['instant'],
    async run(carrier) {
      const first = await carrier.make<number>();
      let left = first;
      const links: Promise<void>[] = [];
      for (const _ of upTo(10_000)) {
        const [to, right] = [left, await carrier.make<number>()];
        links.push(right.receiver.receive().then((value) => to.sender.send(value)));
        left = right;
      }
      await left.sender.send(1);
      assert.equal(await first.receiver.receive(), 1);
      await Promise.all(links);
    },
  },
  {
    name: 'sieve1.go: a chain of filters, one a prime, finds the primes to 97',
    needs: [],
    async run(carrier) {
      const program = new Program(carrier);
      let numbers = await counter(program, 2, 1);
      const found: number[] = [];
      while (found.length < PRIMES.length) {
        const [from, prime] = [numbers, await numbers.receive()];
        found.push(prime);
        const filtered = await program.make<number>();
        program.run(async () => {
          for await (const n of from) if (n % prime !== 0) await filtered.sender.send(n);
        });
        numbers = filtered.receiver;
      }
      program.stop();
      assert.deepEqual(found, PRIMES);
    },
  },
  {
    name: 'sieve2.go: merged channels of multiples, fed back by their primes, find the same',
    needs: [],
    async run(carrier) {
      const program = new Program(carrier);
      const [out, composites] = [await program.make<number>(10), await program.make<number>(50)];
      const feedback = await program.make<number>(10);
      await out.sender.send(2);
      await out.sender.send(3);
      await feedback.sender.send(3);
      program.run(() => mergeMultiples(program, feedback.receiver, composites.sender));
      program.run(async () => {
        const primes = await unbounded(program, feedback.sender);
        const candidates = await counter(program, 5, 2);
        let p = await candidates.receive();
        for await (const composite of composites.receiver) {
          for (; p < composite; p = await candidates.receive()) {
            await primes.send(p);
            await out.sender.send(p);
          }
          if (p === composite) p = await candidates.receive();
        }
      });

      const found = await receiveCount(out.receiver, PRIMES.length);

      program.stop();
      assert.deepEqual(found, PRIMES);
    },
  },
];
