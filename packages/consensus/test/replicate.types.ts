import { command, Machine, query, type Replica } from '@troupe/consensus';
import { expectTypeOf } from 'expect-type';

class Counter extends Machine {
  sum = 0;
  @command add(by: number, note?: string): number {
    return (this.sum += by + (note?.length ?? 0));
  }
  @query both(): readonly [number, string] {
    return [this.sum, ''];
  }
}

type Counted = Replica<Counter>;

// Methods keep their parameters, and promise what they return.
expectTypeOf<Counted['add']>().toEqualTypeOf<(by: number, note?: string) => Promise<number>>();
expectTypeOf<Counted['both']>().toEqualTypeOf<() => Promise<readonly [number, string]>>();

// Options give the same methods again; fields, and what a machine has for itself, are not there.
expectTypeOf<ReturnType<Counted['with']>>().toEqualTypeOf<Counted>();
expectTypeOf<keyof Counted>().toEqualTypeOf<
  'add' | 'both' | 'with' | 'close' | typeof Symbol.asyncDispose
>();
