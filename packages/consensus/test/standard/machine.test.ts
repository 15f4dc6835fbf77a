// This folder is compiled without `experimentalDecorators`: its decorators are the standard ones.
import test from 'ava';
import { command, Engine, Machine, query, Replicated, replicate } from '@troupe/consensus';

class Counter extends Machine {
  sum = 0;
  @command add(by: number): number {
    return (this.sum += by);
  }
  @command({ since: 1 }) reset(): void {
    this.sum = 0;
  }
  @query value(): number {
    return this.sum;
  }
}

class Doubling extends Counter {
  override add(by: number): number {
    return super.add(2 * by);
  }
}

test('standard decorators mark commands and queries, and follow inheritance', async (t) => {
  await using engine = new Engine();
  const machine = new Replicated(Doubling);
  const counter = replicate(await engine.open({ group: 'counter', machine }), machine);

  t.is(await counter.add(3), 6);
  t.is(await counter.value(), 6);
  await counter.reset();
  t.is(await counter.value(), 0);
});
