import {
  command,
  defineMachine,
  Machine,
  type MachineClass,
  query,
  type Replica,
} from '@troupe/consensus';
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

class Plain extends Machine {
  sum = 0;
  add(by: number): number {
    return (this.sum += by);
  }
  double(): number {
    return (this.sum *= 2);
  }
  value(): number {
    return this.sum;
  }
  helper(): void {}
}
const Listed = defineMachine({ commands: ['add', 'double'], queries: ['value'] }, Plain);
const Since = defineMachine({ commands: { add: {}, double: { since: 2 } } }, Plain);
type Keys<M> = Exclude<keyof Replica<M>, 'with' | 'close' | typeof Symbol.asyncDispose>;

// A table says which methods a replica has; there are no others.
expectTypeOf<Keys<InstanceType<typeof Listed>>>().toEqualTypeOf<'add' | 'double' | 'value'>();
expectTypeOf<Keys<InstanceType<typeof Since>>>().toEqualTypeOf<'add' | 'double'>();
expectTypeOf<Replica<InstanceType<typeof Listed>>['add']>().toEqualTypeOf<
  (by: number) => Promise<number>
>();
expectTypeOf<typeof Listed>().toExtend<MachineClass<Plain>>();
expectTypeOf<(typeof Listed)['version']>().toEqualTypeOf<number>();

// It is a class as any other.
class More extends Listed {
  more = 1;
}
expectTypeOf<Keys<More>>().toEqualTypeOf<'add' | 'double' | 'value'>();

// @ts-expect-error -- it has no such method
defineMachine({ commands: ['multiply'] }, Plain);
// @ts-expect-error -- what every machine has is none of its commands
defineMachine({ commands: ['save'] }, Plain);
