// Compiled, never run: what a reference lets you say.
import { expectTypeOf } from 'expect-type';
import { Actor, type ActorRef, ActorSystem, defineActor, type EntityRef, rpc } from '@troupe/actor';

interface Line {
  readonly nick: string;
}

class Room extends Actor {
  readonly topic = 'none';
  #members = 0;
  @rpc join(nick: string, limit?: number): readonly string[] {
    this.#members += limit ?? 1;
    return [nick];
  }
  @rpc async history(limit: number): Promise<Line[]> {
    return this.secret(limit);
  }
  @rpc async pick<T>(items: readonly T[]): Promise<T | undefined> {
    return items[0];
  }
  @rpc introduce(other: ActorRef<Room>): ActorRef<Room> {
    return other;
  }
  @rpc shut(): never {
    throw new RangeError('shut');
  }
  override started(): void {
    expectTypeOf(this.self<Room>()).toEqualTypeOf<ActorRef<Room>>();
    // @ts-expect-error -- the class must be one's own
    this.self<Counter>();
  }
  protected secret(limit: number): Line[] {
    return [{ nick: String(limit) }];
  }
}

const system = new ActorSystem();
const room = system.spawn(Room);

// Asked methods are promises of their results; asynchronous ones keep generics.
expectTypeOf(room.join('ann')).toEqualTypeOf<Promise<readonly string[]>>();
expectTypeOf(room.join('ann', 3)).toEqualTypeOf<Promise<readonly string[]>>();
expectTypeOf(room.history(1)).toEqualTypeOf<Promise<Line[]>>();
expectTypeOf(room.pick([1, 2])).toEqualTypeOf<Promise<number | undefined>>();
expectTypeOf(room.introduce(room)).toEqualTypeOf<Promise<ActorRef<Room>>>();
expectTypeOf(room.shut()).toEqualTypeOf<Promise<never>>(); // Or what follows would be unreachable.
expectTypeOf(room.tell.join('ann')).toEqualTypeOf<void>();
expectTypeOf(room.with({ timeoutMs: 1 }).join('ann')).toEqualTypeOf<Promise<readonly string[]>>();

// @ts-expect-error -- wrong argument type
void room.join(1);
// @ts-expect-error -- missing argument
void room.history();
// @ts-expect-error -- no such method
void room.leave();
// @ts-expect-error -- fields stay in the actor
void room.topic;
// @ts-expect-error -- protected methods stay in the actor
void room.secret(1);
// @ts-expect-error -- hooks are the runtime's to call
void room.started();
// @ts-expect-error -- options are checked
void room.with({ timeout: 1 });
// @ts-expect-error -- a tell has no result to wait for
void room.tell.join('ann').then;

// One incarnation and a virtual identity are different things.
declare const entity: EntityRef<Room>;
// @ts-expect-error -- an entity is no single incarnation
const wrong: ActorRef<Room> = entity;
void wrong;

class Counter extends Actor {
  constructor(readonly start: number) {
    super();
  }
}
system.spawn(Counter, 1);
// @ts-expect-error -- constructor arguments are checked
system.spawn(Counter, 'one');
// @ts-expect-error -- and counted
system.spawn(Counter);

// @ts-expect-error -- the plain form names methods that exist
defineActor({ kind: 'room', rpc: ['joim'] }, Room);
