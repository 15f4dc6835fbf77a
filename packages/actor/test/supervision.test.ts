import test, { type ExecutionContext } from 'ava';
import {
  Actor,
  type ActorClass,
  type ActorRef,
  ActorSystem,
  actor,
  allForOne,
  BadOption,
  type Down,
  type Failure,
  LinkBroken,
  oneForOne,
  restForOne,
  rpc,
  type Supervision,
} from '@troupe/actor';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';

class Child extends Actor {
  #count = 0;
  constructor(
    readonly name: string,
    readonly seen: string[],
  ) {
    super();
  }
  override started(): void {
    this.seen.push(`${this.name} started`);
  }
  override stopping(): void {
    this.seen.push(`${this.name} stopping`);
  }
  @rpc add(): number {
    return (this.#count += 1);
  }
  @rpc fail(message = 'broken'): never {
    throw new Error(message);
  }
  @rpc async failLater(gate: Promise<void>): Promise<void> {
    await gate;
    throw new Error('broken');
  }
  @rpc finish(): void {
    this.stop();
  }
}

interface Crew {
  readonly env: VirtualEnv;
  readonly system: ActorSystem;
  readonly seen: string[];
  readonly failures: Failure[];
  readonly children: readonly ActorRef<Child>[];
  readonly parent: ActorRef<Parent>;
}

class Parent extends Actor {
  constructor(readonly seen: string[]) {
    super();
  }
  override stopping(): void {
    this.seen.push('parent stopping');
  }
  @rpc hire(...names: string[]): ActorRef<Child>[] {
    return names.map((name) => this.spawn(Child, name, this.seen));
  }
  @rpc ping(): void {}
}

async function crewOf(supervision: Supervision | undefined): Promise<Crew> {
  @actor({ kind: 'crew', ...(supervision === undefined ? {} : { supervision }) })
  class Boss extends Parent {}
  const env = virtualEnv();
  const failures: Failure[] = [];
  const system = new ActorSystem({ env, onFailure: (failure) => failures.push(failure) });
  const seen: string[] = [];
  const parent = system.spawn(Boss, seen);
  const children = await parent.hire('a', 'b', 'c');
  await env.settled();
  seen.length = 0;
  return { env, system, seen, failures, children, parent };
}

function only(children: readonly ActorRef<Child>[], at: number): ActorRef<Child> {
  const child = children[at];
  if (child === undefined) throw new TypeError(`no child ${at}`);
  return child;
}

const restarted = (...names: string[]): string[] => names.flatMap((name) => [`${name} started`]);
const strategies: Readonly<Record<string, [Supervision, string[]]>> = {
  'one-for-one': [oneForOne(), ['b']],
  'all-for-one': [allForOne(), ['a', 'b', 'c']],
  'rest-for-one': [restForOne(), ['b', 'c']],
};
for (const [strategy, [supervision, names]] of Object.entries(strategies)) {
  test(`${strategy} restarts ${names.join(', ')} when b fails`, async (t) => {
    const { env, seen, failures, children } = await crewOf(supervision);

    only(children, 1).tell.fail();
    await env.settled();

    const stopped = names.map((name) => `${name} stopping`);
    t.deepEqual(seen.toSorted(), [...stopped, ...restarted(...names)].toSorted());
    t.like(failures, [{ method: 'fail', directive: 'restart' }]);
    t.is(failures.length, 1);
  });
}

test('a restart keeps the reference and the mailbox, and begins with fresh state', async (t) => {
  const { children } = await crewOf(oneForOne());
  const child = only(children, 0);
  await child.add();

  child.tell.fail();
  const after = [child.add(), child.add()];

  t.deepEqual(await Promise.all(after), [1, 2]);
});

test('a restart tells no monitor: the actor has not gone', async (t) => {
  const { env, system, children } = await crewOf(oneForOne());
  const downs: Down[] = [];
  system.monitor(only(children, 0), (down) => downs.push(down));

  only(children, 0).tell.fail();
  await env.settled();

  t.deepEqual(downs, []);
});

test('an error thrown from a call is for the caller, and no failure of the actor', async (t) => {
  const { seen, failures, children } = await crewOf(oneForOne());

  await t.throwsAsync(only(children, 0).fail('yours'), { message: 'yours' });

  t.deepEqual([seen, failures], [[], []]);
});

const directives: Readonly<Record<string, [size: number, seen: string[]]>> = {
  resume: [4, []],
  stop: [3, ['a stopping']],
  escalate: [0, ['a stopping', 'b stopping', 'c stopping', 'parent stopping']],
};
for (const [directive, [size, expected]] of Object.entries(directives)) {
  test(`decide may say '${directive}'`, async (t) => {
    const decide = (): 'resume' | 'stop' | 'escalate' =>
      directive as 'resume' | 'stop' | 'escalate';
    const { env, system, seen, failures, children } = await crewOf(oneForOne({ decide }));

    only(children, 0).tell.fail();
    await env.settled();

    t.is(system.size, size);
    t.deepEqual(seen, expected);
    t.like(failures, [{ directive }]);
  });
}

test('one restart more than the limit is a failure of the parent', async (t) => {
  const supervision = oneForOne({ restarts: 2, withinMs: 1_000 });
  const { env, system, children, parent } = await crewOf(supervision);
  const downs: Down[] = [];
  system.monitor(parent, (down) => downs.push(down));

  for (let round = 0; round < 3; round += 1) {
    only(children, 0).tell.fail(`round ${round}`);
    await env.settled();
  }

  t.is(system.size, 0);
  t.like(downs, [{ reason: { kind: 'failed', error: { message: 'round 2' } } }]);
});

test('restarts that lie further back than withinMs do not count', async (t) => {
  const { env, system, children } = await crewOf(oneForOne({ restarts: 1, withinMs: 1_000 }));

  for (let round = 0; round < 5; round += 1) {
    only(children, 0).tell.fail();
    await env.advance(1_000);
  }

  t.is(system.size, 4);
});

test('pauses between restarts double up to their limit, less up to half by chance', async (t) => {
  const starts: number[] = [];
  const env = virtualEnv();
  class Never extends Actor {
    override started(): void {
      starts.push(env.now());
      throw new Error('not yet');
    }
  }
  const backOff = { firstMs: 100, maxMs: 400 };
  const supervision = oneForOne({ restarts: 5, withinMs: 60_000, backOff });
  const system = new ActorSystem({ env, supervision, onFailure: () => undefined });
  system.spawn(Never);

  await env.advance(10_000);

  const pauses = starts.slice(1).map((at, before) => at - (starts[before] ?? 0));
  t.is(pauses.length, 5);
  for (const [at, longest] of [100, 200, 400, 400, 400].entries()) {
    const pause = pauses[at] ?? 0;
    t.true(pause > longest / 2 && pause <= longest, `pause ${at}: ${pause}`);
  }
  t.is(system.size, 0);
});

test('messages wait while a restart pauses', async (t) => {
  const backOff = { firstMs: 1_000, maxMs: 1_000 };
  const { env, children } = await crewOf(oneForOne({ backOff }));
  only(children, 0).tell.fail();
  await env.settled();
  const answers: number[] = [];
  void only(children, 0)
    .add()
    .then((answer) => answers.push(answer));

  await env.advance(400);
  t.deepEqual(answers, []);
  await env.advance(700);

  t.deepEqual(answers, [1]);
});

test('a stop during the pause ends the actor at once', async (t) => {
  const backOff = { firstMs: 60_000, maxMs: 60_000 };
  const { env, system, children } = await crewOf(oneForOne({ backOff }));
  only(children, 0).tell.fail();
  await env.settled();

  await system.stopActor(only(children, 0));
  await system.stop();

  t.is(system.size, 0);
  t.is(env.timers, 0);
});

test('a sibling in the middle of a turn ends that turn before it is restarted', async (t) => {
  const { env, seen, children } = await crewOf(allForOne());
  let open!: () => void;
  const slow = only(children, 1).failLater(new Promise((resolve) => (open = resolve)));
  const caught = t.throwsAsync(slow, { message: 'broken' });
  await env.settled();

  only(children, 0).tell.fail();
  await env.settled();
  t.false(seen.includes('b stopping'));
  open();
  await caught;
  await env.settled();

  t.true(seen.includes('b started'));
});

test('a constructor that fails in a restart counts as a failure', async (t) => {
  let made = 0;
  class Fragile extends Actor {
    constructor() {
      super();
      if ((made += 1) === 2) throw new Error('no memory');
    }
    @rpc fail(): never {
      throw new Error('broken');
    }
    @rpc made(): number {
      return made;
    }
  }
  const failures: Failure[] = [];
  const system = new ActorSystem({
    supervision: oneForOne(),
    onFailure: (failure) => failures.push(failure),
  });
  const fragile = system.spawn(Fragile);

  fragile.tell.fail();

  t.is(await fragile.made(), 3);
  t.like(failures, [{ method: 'fail' }, { method: 'constructor' }]);
  await system.stop();
});

test('without supervision a failure is reported and the actor goes on', async (t) => {
  const { failures, children } = await crewOf(undefined);
  await only(children, 0).add();

  only(children, 0).tell.fail();

  t.is(await only(children, 0).add(), 2);
  t.like(failures, [{ method: 'fail', directive: undefined }]);
});

test('a goroutine that fails is a failure of its actor', async (t) => {
  class Worker extends Child {
    @rpc begin(): void {
      this.go(() => Promise.reject(new Error('in the goroutine')));
    }
  }
  const failures: Failure[] = [];
  const system = new ActorSystem({
    supervision: oneForOne(),
    onFailure: (failure) => failures.push(failure),
  });
  const seen: string[] = [];
  const worker = system.spawn(Worker, 'w', seen);

  await worker.begin();
  await worker.add();
  await worker.add();

  t.like(failures, [{ method: 'go', directive: 'restart' }]);
  await system.stop();
});

class Partner extends Child {
  @rpc join(other: ActorRef<Child>): void {
    this.link(other);
  }
  @rpc joinAndPart(other: ActorRef<Child>): void {
    this.link(other)();
  }
}

async function partners(t: ExecutionContext): Promise<{
  readonly env: VirtualEnv;
  readonly system: ActorSystem;
  readonly failures: Failure[];
  readonly pair: readonly [ActorRef<Partner>, ActorRef<Partner>];
}> {
  const env = virtualEnv();
  const failures: Failure[] = [];
  const supervision = oneForOne({ decide: () => 'stop' });
  const system = new ActorSystem({
    env,
    supervision,
    onFailure: (failure) => failures.push(failure),
  });
  const pair = [system.spawn(Partner, 'a', []), system.spawn(Partner, 'b', [])] as const;
  await pair[0].join(pair[1]);
  t.is(system.size, 2);
  return { env, system, failures, pair };
}

for (const failing of [0, 1] as const) {
  test(`linked actors fail together: ${failing === 0 ? 'who linked' : 'the other'}`, async (t) => {
    const { env, system, failures, pair } = await partners(t);

    pair[failing].tell.fail();
    await env.settled();

    t.is(system.size, 0);
    t.true(failures[1]?.error instanceof LinkBroken);
    t.like(failures[1]?.error, { code: 'ERR_LINK_BROKEN', cause: { message: 'broken' } });
  });
}

test('an orderly stop breaks no link', async (t) => {
  const { env, system, pair } = await partners(t);

  await pair[0].finish();
  await env.settled();

  t.is(system.size, 1);
});

test('what was linked and unlinked is free again, both ways', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env, supervision: oneForOne({ decide: () => 'stop' }) });
  const [a, b] = [system.spawn(Partner, 'a', []), system.spawn(Partner, 'b', [])];
  await a.joinAndPart(b);
  await b.add();

  a.tell.fail();
  await env.settled();

  t.is(system.size, 1);
});

const malformed: Readonly<Record<string, () => Supervision>> = {
  'a negative number of restarts': () => oneForOne({ restarts: -1 }),
  'no time to count them in': () => allForOne({ withinMs: 0 }),
  'a back-off that shrinks': () => restForOne({ backOff: { firstMs: 2, maxMs: 1 } }),
  'a back-off longer than a timer': () => oneForOne({ backOff: { firstMs: 1, maxMs: 2 ** 31 } }),
};
for (const [what, make] of Object.entries(malformed)) {
  test(`supervision refuses ${what}`, (t) => {
    t.throws(make, { instanceOf: BadOption });
  });
}

test('a class is still a class: its constructor arguments are those of the restart', async (t) => {
  const target: ActorClass<Child, [string, string[]]> = Child;
  const seen: string[] = [];
  const system = new ActorSystem({ supervision: oneForOne(), onFailure: () => undefined });
  const child = system.spawn(target, 'x', seen);

  child.tell.fail();
  await child.add();

  t.deepEqual(seen, ['x started', 'x stopping', 'x started']);
  await system.stop();
});
