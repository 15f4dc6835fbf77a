// Compiled, never run: what a reference lets you say.
import { expectTypeOf } from 'expect-type';
import {
  Actor,
  type ActorRef,
  ActorSystem,
  defineActor,
  type EntityRef,
  type FunctionActor,
  type Receiver,
  rpc,
} from '@troupe/actor';

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
  @rpc async find(_key: string): Promise<EntityRef<Counter>> {
    throw new Error('compiled only');
  }
  @rpc async *lines(from: number): AsyncGenerator<Line, void, undefined> {
    yield { nick: String(from) };
  }
  @rpc async *texts(): AsyncIterable<string> {}
  @rpc anything(): any {} // oxlint-disable-line no-explicit-any -- the case under test
  @rpc shut(): never {
    throw new Error('compiled only');
  }
  @rpc receiver(): Receiver<Line> {
    throw new Error('compiled only');
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
expectTypeOf(room.tell.join('ann')).toEqualTypeOf<void>();
expectTypeOf(room.with({ timeoutMs: 1 }).join('ann')).toEqualTypeOf<Promise<readonly string[]>>();

// A reference can be called before it is there, however far down the chain.
expectTypeOf(await room.introduce(room)).toEqualTypeOf<ActorRef<Room>>();
expectTypeOf(room.introduce(room).join('ann')).toEqualTypeOf<Promise<readonly string[]>>();
expectTypeOf(room.introduce(room).introduce(room).pick([1])).toEqualTypeOf<
  Promise<number | undefined>
>();
expectTypeOf(room.find('a').add(1)).toEqualTypeOf<Promise<number>>();
expectTypeOf(room.introduce(room).catch(() => 5)).toEqualTypeOf<Promise<ActorRef<Room> | number>>();
// @ts-expect-error -- the methods are those of what the reference names
void room.find('a').join('ann');

// A stream can be iterated, or awaited first; what is sent into a generator stays here.
for await (const line of room.lines(1)) expectTypeOf(line).toEqualTypeOf<Line>();
for await (const line of room.with({ timeoutMs: 5 }).texts()) expectTypeOf(line).toBeString();
expectTypeOf(await room.lines(1)).toEqualTypeOf<AsyncIterableIterator<Line>>();
for await (const line of room.receiver()) expectTypeOf(line).toEqualTypeOf<Line>();
expectTypeOf(await room.receiver()).toEqualTypeOf<Receiver<Line>>();
// @ts-expect-error -- no stream
for await (const line of room.join('ann')) void line;

// oxlint-disable-next-line no-explicit-any -- as above
expectTypeOf(room.anything()).toEqualTypeOf<Promise<any>>();
expectTypeOf(room.shut()).toEqualTypeOf<Promise<never>>();

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
  @rpc add(by: number): number {
    return this.start + by;
  }
}
system.spawn(Counter, 1);
// @ts-expect-error -- constructor arguments are checked
system.spawn(Counter, 'one');
// @ts-expect-error -- and counted
system.spawn(Counter);

// @ts-expect-error -- the plain form names methods that exist
defineActor({ kind: 'room', rpc: ['joim'] }, Room);

// Methods take options in either form of decorator, and as a table.
class Ledger extends Actor {
  @rpc({ readonly: true }) balance(): number {
    return 0;
  }
  @rpc({ interleave: true, control: true }) ping(): void {
    // @ts-expect-error -- only methods of its own can be replaced
    this.become<Ledger>({ nothing: () => 1 });
    // @ts-expect-error -- by functions of the same type
    this.become<Ledger>({ balance: () => 'much' });
    this.become<Ledger>({ balance: () => 1 });
    expectTypeOf(this.stash).returns.toBeNever();
  }
}
defineActor({ kind: 'ledger', rpc: { balance: { readonly: true } } }, Ledger);
// @ts-expect-error -- the table names methods that exist
defineActor({ kind: 'ledger', rpc: { balanse: {} } }, Ledger);
// @ts-expect-error -- and options that exist
defineActor({ kind: 'ledger', rpc: { balance: { readOnly: true } } }, Ledger);

// A function actor is sent what its inbox takes.
const jobs = system.spawn(async (inbox: Receiver<number>) => {
  for await (const job of inbox) expectTypeOf(job).toBeNumber();
});
expectTypeOf(jobs).toEqualTypeOf<ActorRef<FunctionActor<number>>>();
expectTypeOf(jobs.send(1)).resolves.toBeVoid();
// @ts-expect-error -- wrong kind of message
void jobs.send('one');
