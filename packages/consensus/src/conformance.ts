import assert from 'node:assert/strict';
import { add, type Adder } from './adder.ts';
import type { Capabilities, Consensus, ConsensusEvent, NodeId } from './consensus.ts';
import { GroupStalled } from './errors.ts';

export { add, Adder } from './adder.ts';

/** A group on one node, and the state machine that it was given. */
export interface Replica {
  readonly consensus: Consensus<number>;
  readonly machine: Adder;
}

/** Nodes that can host one group, and what can happen to them. All of it begins with no node. */
export interface ConsensusWorld {
  /**
   * Starts a node: with what it had saved, if it ran before.
   * @param voters of a new group, the same on each; empty for a node that is to be added
   */
  start(node: NodeId, voters: readonly NodeId[]): Promise<Replica>;
  /** The process ends; its disk stays. */
  crash(node: NodeId): Promise<void>;
  /** Nobody reaches the node, and it reaches nobody. */
  isolate(node: NodeId): void;
  /** The end of `isolate`. */
  rejoin(node: NodeId): void;
  /** Makes the crashed `node` the only member, as after the loss of all others. */
  recoverAlone(node: NodeId): Promise<void>;
  /** Lets time pass until `promise` is settled, where time does not pass by itself. */
  settle<T>(promise: Promise<T>): Promise<T>;
}

export interface ConsensusCase {
  /** A claim that holds for every implementation of `Consensus`. */
  readonly name: string;
  /**
   * What the `capabilities.membership` of an engine has to be, for which it holds; one whose is not
   * among them leaves the case out, for that reason. Absent: it holds for all.
   */
  readonly membership?: readonly Capabilities['membership'][];
  /** @throws {AssertionError} when it does not hold */
  run(make: () => ConsensusWorld): Promise<void>;
}

/** Proposals that are to fail need not take long. */
const SOON_MS = 2_000;
/** Longer than anything takes that ends by itself. */
const LONG_MS = 50_000;

/** A world with the nodes of one group. */
class Stage {
  readonly world: ConsensusWorld;
  readonly #replicas = new Map<NodeId, Replica>();

  constructor(world: ConsensusWorld) {
    this.world = world;
  }

  get nodes(): readonly NodeId[] {
    return [...this.#replicas.keys()];
  }

  at(node: NodeId): Consensus<number> {
    return this.replica(node).consensus;
  }

  replica(node: NodeId): Replica {
    const replica = this.#replicas.get(node);
    assert.ok(replica, `${node} runs`);
    return replica;
  }

  async start(node: NodeId, voters: readonly NodeId[] = []): Promise<Consensus<number>> {
    const replica = await this.world.start(node, voters);
    this.#replicas.set(node, replica);
    return replica.consensus;
  }

  async startAll(...nodes: readonly NodeId[]): Promise<void> {
    await Promise.all(nodes.map((node) => this.start(node, nodes)));
  }

  async crash(node: NodeId): Promise<void> {
    this.#replicas.delete(node);
    await this.world.crash(node);
  }

  /** Proposes by way of `node` and waits for the end of it. */
  add(node: NodeId, value: number): Promise<{ readonly result: number; readonly index: number }> {
    return this.world.settle(this.at(node).propose(add(value)));
  }

  /** The values that `node` has applied once it has heard of everything. */
  async values(node: NodeId): Promise<readonly number[]> {
    await this.world.settle(this.at(node).read());
    return this.replica(node).machine.seen;
  }

  /** Whom `node` follows, or will follow. */
  async leader(node: NodeId = this.nodes[0] ?? ''): Promise<NodeId> {
    const event = await this.event(node, (it) => it.kind === 'leader' && it.leader !== undefined);
    assert.ok(event.kind === 'leader' && event.leader !== undefined);
    return event.leader;
  }

  /** Waits until `node` knows of another leader. */
  async succeeded(node: NodeId, before: NodeId): Promise<void> {
    await this.event(node, (it) => {
      return it.kind === 'leader' && it.leader !== undefined && it.leader !== before;
    });
  }

  /** The next event on `node` that is as wanted; the present state comes as events, too. */
  event(node: NodeId, isWanted: (event: ConsensusEvent) => boolean): Promise<ConsensusEvent> {
    const looking = async (): Promise<ConsensusEvent> => {
      const controller = new AbortController();
      for await (const event of this.at(node).events(controller.signal)) {
        if (isWanted(event)) return event;
      }
      throw new Error(`the events of ${node} have ended`);
    };
    return this.world.settle(looking());
  }

  /** A node that does not lead, and the one that does. */
  async roles(): Promise<{ readonly leader: NodeId; readonly others: readonly NodeId[] }> {
    const leader = await this.leader();
    return { leader, others: this.nodes.filter((node) => node !== leader) };
  }
}

function about(name: string, claim: (stage: Stage) => Promise<void>): ConsensusCase {
  return {
    name,
    async run(make) {
      const stage = new Stage(make());
      try {
        await claim(stage);
      } finally {
        for (const node of stage.nodes) await stage.crash(node);
      }
    },
  };
}

/** What a promise ends with that is to fail. */
async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error as Error & Record<string, unknown>;
  }
  throw new assert.AssertionError({ message: 'it succeeded, and should have failed' });
}

const three = ['a', 'b', 'c'] as const;

const commands: readonly ConsensusCase[] = [
  about('a node by itself is a group', async (stage) => {
    await stage.start('a', ['a']);
    const first = await stage.add('a', 2);
    const second = await stage.add('a', 3);
    assert.deepEqual([first.result, second.result], [2, 5]);
    assert.ok(second.index > first.index);
    assert.equal(await stage.leader(), 'a');
  }),
  about('every node takes commands, and applies all of them in one order', async (stage) => {
    await stage.startAll(...three);
    const values = Array.from({ length: 300 }, (_, i) => i);
    const proposing = values.map((value) => stage.at(three[value % 3] ?? 'a').propose(add(value)));
    await stage.world.settle(Promise.all(proposing));
    const seen = await stage.values('a');
    assert.deepEqual(
      [...seen].sort((x, y) => x - y),
      values,
    );
    for (const node of three) assert.deepEqual(await stage.values(node), seen);
  }),
  about('commands of one caller are applied in the order it made them', async (stage) => {
    await stage.startAll(...three);
    const { leader } = await stage.roles();
    const values = Array.from({ length: 100 }, (_, i) => i);
    const proposing = values.map((value) => stage.at(leader).propose(add(value)));
    await stage.world.settle(Promise.all(proposing));
    assert.deepEqual(await stage.values(leader), values);
  }),
  about('what was acknowledged survives the leader that took it', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    await stage.add(leader, 1);
    await stage.crash(leader);
    for (const node of others) assert.deepEqual(await stage.values(node), [1]);
    await stage.add(others[0] ?? '', 2);
    await stage.start(leader, three);
    assert.deepEqual(await stage.values(leader), [1, 2]);
  }),
  about('what was acknowledged survives all processes', async (stage) => {
    await stage.startAll(...three);
    await stage.add('a', 1);
    for (const node of three) await stage.crash(node);
    await stage.startAll(...three);
    await stage.add('b', 2);
    for (const node of three) assert.deepEqual(await stage.values(node), [1, 2]);
  }),
  about(
    'a leader without a majority leaves the outcome unknown, and one for all',
    async (stage) => {
      await stage.startAll(...three);
      const { leader, others } = await stage.roles();
      await stage.add(leader, 1);
      stage.world.isolate(leader);
      const proposing = failure(stage.at(leader).propose(add(2), { timeoutMs: SOON_MS }));
      const error = await stage.world.settle(proposing);
      assert.equal(error['executed'], 'unknown', String(error));
      await stage.add(others[0] ?? '', 3);
      stage.world.rejoin(leader);
      const seen = await stage.values(others[0] ?? '');
      for (const node of three) assert.deepEqual(await stage.values(node), seen);
      assert.ok(seen.includes(1) && seen.includes(3));
    },
  ),
  about('what a deposed leader took is proposed again by itself', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    stage.world.isolate(leader);
    const group = stage.at(leader);
    // Given up, it is not proposed again, and nothing else comes to stand where the next one was.
    const givenUp = failure(group.propose(add(9), { timeoutMs: SOON_MS }));
    const values = [1, 2, 3];
    const proposing = values.map((value) => group.propose(add(value), { timeoutMs: LONG_MS }));
    await stage.world.settle(givenUp);
    await stage.succeeded(others[0] ?? '', leader);
    stage.world.rejoin(leader);
    await stage.world.settle(Promise.all(proposing));
    assert.deepEqual(await stage.values(leader), values);
  }),
  about('a command that nobody could take was certainly not executed', async (stage) => {
    await stage.start('a', three);
    const proposing = failure(stage.at('a').propose(add(1), { timeoutMs: SOON_MS }));
    const error = await stage.world.settle(proposing);
    assert.equal(error['executed'], 'no', String(error));
  }),
  about('a request that is not answered says who leads, and who is heard', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    const [follower = '', other = ''] = others;
    await stage.add(leader, 1);
    await stage.crash(leader);
    await stage.crash(other);
    const asking = failure(stage.at(follower).read({ timeoutMs: SOON_MS }));
    const { cause } = await stage.world.settle(asking);
    assert.ok(cause instanceof GroupStalled, String(cause));
    assert.deepEqual([cause.code, cause.leader], ['ERR_GROUP_STALLED', undefined]);
    assert.deepEqual(cause.reachable, [follower]);
    assert.match(cause.message, new RegExp(`${follower} hears only ${follower} of its voters`));
    await stage.start(other, three);
    await stage.add(follower, 2);
    assert.deepEqual([...stage.at(follower).status().reachable].sort(), [follower, other].sort());
  }),
  about('who does not want to be passed on is told who leads', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    const follower = others[0] ?? '';
    assert.equal(await stage.leader(follower), leader);
    const proposing = failure(stage.at(follower).propose(add(1), { forward: false }));
    const error = await stage.world.settle(proposing);
    assert.equal(error['code'], 'ERR_NOT_LEADER');
    assert.equal(error['executed'], 'no');
    assert.equal(error['leader'], leader);
  }),
];

const reads: readonly ConsensusCase[] = [
  about('a linearizable read on any node sees what was acknowledged on another', async (stage) => {
    await stage.startAll(...three);
    for (let value = 0; value < 10; value += 1) {
      await stage.add(three[value % 3] ?? 'a', value);
      const seen = await stage.values(three[(value + 1) % 3] ?? 'a');
      assert.equal(seen.at(-1), value);
    }
  }),
  about('a node that is cut off answers no linearizable read', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    await stage.add(leader, 1);
    stage.world.isolate(leader);
    await stage.add(others[0] ?? '', 2);
    for (const consistency of ['linearizable', 'lease'] as const) {
      const reading = stage.at(leader).read({ consistency, timeoutMs: SOON_MS });
      const error = await stage.world.settle(failure(reading));
      assert.equal(error['executed'], 'no', String(error));
    }
  }),
  about('one who follows and is cut off does not answer by what it has heard', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    const [late = ''] = others;
    await stage.add(late, 1);
    stage.world.isolate(late);
    await stage.add(leader, 2);
    const reading = stage.at(late).read({ timeoutMs: SOON_MS });
    const error = await stage.world.settle(failure(reading));
    assert.equal(error['executed'], 'no', String(error));
  }),
  about('a node that is cut off still answers stale reads', async (stage) => {
    await stage.startAll(...three);
    const { leader } = await stage.roles();
    const { index } = await stage.add(leader, 1);
    stage.world.isolate(leader);
    const point = await stage.world.settle(stage.at(leader).read({ consistency: 'stale' }));
    assert.ok(point.index >= index);
  }),
  about('a lease read sees what was acknowledged before', async (stage) => {
    await stage.startAll(...three);
    const { leader } = await stage.roles();
    const { index } = await stage.add(leader, 1);
    const point = await stage.world.settle(stage.at(leader).read({ consistency: 'lease' }));
    assert.ok(point.index >= index);
  }),
];

/** Two changes at once, as one. */
const joint: readonly ConsensusCase[] = [
  about('a group grows from one node to three, and to five', async (stage) => {
    await stage.start('a', ['a']);
    await stage.add('a', 1);
    for (const added of [
      ['b', 'c'],
      ['d', 'e'],
    ]) {
      for (const node of added) await stage.start(node);
      const { leader } = await stage.roles();
      const change = stage.at(leader).changeMembers(added.map((node) => ({ add: node })));
      const after = await stage.world.settle(change);
      assert.ok(added.every((node) => after.voters.includes(node)));
      assert.equal(after.isChanging, false);
      await stage.add(added[0] ?? '', 2);
    }
    for (const node of stage.nodes) assert.deepEqual(await stage.values(node), [1, 2, 2]);
    const { leader, others } = await stage.roles();
    const [one, two, left] = [leader, others[0] ?? '', others[1] ?? ''];
    await stage.crash(one);
    await stage.crash(two); // Three of five are left, and enough.
    await stage.add(left, 3);
  }),
  about('a dead member is replaced in one change', async (stage) => {
    await stage.startAll(...three);
    const { others } = await stage.roles();
    const dead = others[0] ?? '';
    await stage.add(dead, 1);
    await stage.crash(dead);
    await stage.start('d');
    const leader = await stage.leader();
    const change = stage.at(leader).changeMembers([{ remove: dead }, { add: 'd' }]);
    const after = await stage.world.settle(change);
    assert.deepEqual([...after.voters].sort(), [...three.filter((it) => it !== dead), 'd'].sort());
    assert.deepEqual(await stage.values('d'), [1]);
  }),
  about('of two who replace the same member, the second is told so', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    const dead = others[0] ?? '';
    await stage.add(leader, 1);
    await stage.crash(dead);
    await stage.start('d');
    await stage.start('e');
    const expected = { voters: stage.at(leader).members().voters };
    const replaceBy = (node: NodeId): Promise<unknown> =>
      stage.at(leader).changeMembers([{ remove: dead }, { add: node }], { expected });
    await stage.world.settle(replaceBy('d'));
    const error = await stage.world.settle(failure(replaceBy('e')));
    assert.equal(error['code'], 'ERR_CHANGE_REFUSED');
    assert.equal(error['reason'], 'other-members');
    assert.ok(!stage.at(leader).members().voters.includes('e'));
  }),
];

const single: readonly ConsensusCase[] = [
  about('a candidate becomes a voter by itself', async (stage) => {
    await stage.start('a', ['a']);
    await stage.add('a', 1);
    await stage.start('b');
    const change = stage.at('a').changeMembers([{ add: 'b', as: 'candidate' }]);
    await stage.world.settle(change);
    await stage.event('a', (it) => it.kind === 'members' && it.members.voters.includes('b'));
    assert.deepEqual(await stage.values('b'), [1]);
  }),
  about('who is added and is not there is waited for by nobody, until it is', async (stage) => {
    await stage.start('a', ['a']);
    await stage.add('a', 1);
    const adding = stage.at('a').changeMembers([{ add: 'b' }], { timeoutMs: SOON_MS });
    const error = await stage.world.settle(failure(adding));
    assert.equal(error['code'], 'ERR_DEADLINE_EXCEEDED');
    assert.match(error.message, /b was added, and has not caught up/);
    assert.deepEqual(stage.at('a').members().voters, ['a']);
    await stage.add('a', 2); // A group of one still.
    const again = stage.at('a').changeMembers([{ add: 'b' }]);
    await stage.start('b');
    const after = await stage.world.settle(again);
    assert.deepEqual(after.voters, ['a', 'b']);
    assert.deepEqual(await stage.values('b'), [1, 2]);
  }),
  about('a learner has everything, and no vote', async (stage) => {
    await stage.start('a', ['a']);
    await stage.start('b');
    await stage.world.settle(stage.at('a').changeMembers([{ add: 'b', as: 'learner' }]));
    await stage.add('b', 1);
    assert.deepEqual(await stage.values('b'), [1]);
    await stage.crash('b');
    await stage.add('a', 2); // Nobody waits for it.
  }),
  about('a witness counts, and says at once that it has nothing to answer with', async (stage) => {
    await Promise.all(['a', 'b'].map((node) => stage.start(node, ['a', 'b'])));
    await stage.add('a', 1);
    await stage.start('c');
    const { leader, others } = await stage.roles();
    const adding = stage.at(leader).changeMembers([{ add: 'c', as: 'witness' }]);
    assert.deepEqual((await stage.world.settle(adding)).witnesses, ['c']);
    await stage.crash(others.find((node) => node !== 'c') ?? '');
    await stage.add(leader, 2); // With the consent of the witness.
    await stage.event('c', (it) => it.kind === 'members' && it.members.witnesses.includes('c'));
    await stage.event('c', (it) => it.kind === 'leader' && it.leader === leader);
    for (const consistency of ['linearizable', 'stale'] as const) {
      const error = await stage.world.settle(failure(stage.at('c').read({ consistency })));
      assert.deepEqual([error['code'], error['executed']], ['ERR_NOT_LEADER', 'no']);
    }
  }),
  about('a leader can be removed, and another leads', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    await stage.add(leader, 1);
    await stage.world.settle(stage.at(leader).changeMembers([{ remove: leader }]));
    await stage.crash(leader);
    await stage.add(others[0] ?? '', 2);
    assert.deepEqual(await stage.values(others[1] ?? ''), [1, 2]);
  }),
  about('a change that a deposed leader had begun is told to have failed', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    await stage.add(leader, 1);
    stage.world.isolate(leader);
    const group = stage.at(leader);
    const lost = failure(group.propose(add(2), { timeoutMs: SOON_MS }));
    await stage.world.settle(Promise.resolve()); // It stands in the log, and the change behind it.
    const changing = failure(group.changeMembers([{ add: 'd' }], { timeoutMs: LONG_MS }));
    await stage.succeeded(others[0] ?? '', leader);
    await stage.world.settle(lost);
    stage.world.rejoin(leader);
    const error = await stage.world.settle(changing);
    assert.equal(error['code'], 'ERR_NOT_LEADER');
    const { voters } = stage.at(others[0] ?? '').members();
    assert.ok(!voters.includes('d'));
  }),
];

/** Three are lost at once, and `b` goes on alone, with the values 1 and 2. */
async function oneGoesOn(stage: Stage): Promise<void> {
  await stage.startAll(...three);
  await stage.add('a', 1);
  for (const node of three) await stage.values(node);
  for (const node of three) await stage.crash(node);
  await stage.world.recoverAlone('b');
  await stage.start('b');
  await stage.add('b', 2);
}

const leads: readonly ConsensusCase[] = [
  about('a change that makes no sense is refused', async (stage) => {
    await stage.start('a', ['a']);
    await stage.add('a', 1);
    const changing = failure(stage.at('a').changeMembers([{ remove: 'a' }]));
    const error = await stage.world.settle(changing);
    assert.equal(error['code'], 'ERR_CHANGE_REFUSED');
    assert.equal(error['reason'], 'invalid');
  }),
  about('the lead is handed over', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    await stage.add(leader, 1);
    const heir = others[0] ?? '';
    const asked = failure(stage.at(heir).transferLeadership(heir)); // Not its to give.
    const error = await stage.world.settle(asked);
    assert.deepEqual([error['code'], error['leader']], ['ERR_NOT_LEADER', leader]);
    await stage.world.settle(stage.at(leader).transferLeadership(heir));
    await stage.event(heir, (it) => it.kind === 'leader' && it.leader === heir);
    await stage.add(leader, 2);
    assert.deepEqual(await stage.values(heir), [1, 2]);
  }),
  about('the last survivor goes on alone, when it is told to', async (stage) => {
    await oneGoesOn(stage);
    assert.deepEqual(await stage.values('b'), [1, 2]);
    assert.deepEqual(stage.at('b').members().voters, ['b']);
  }),
  about('those whom a survivor went on without change nothing of it', async (stage) => {
    await oneGoesOn(stage);
    for (const node of ['a', 'c']) await stage.start(node, three); // Which nobody should do.
    const writing = stage.at('a').propose(add(9), { timeoutMs: SOON_MS });
    await stage.world.settle(Promise.allSettled([writing]));
    await stage.add('b', 3);
    assert.deepEqual(await stage.values('b'), [1, 2, 3]);
    assert.deepEqual(stage.at('b').members().voters, ['b']);
  }),
];

const lives: readonly ConsensusCase[] = [
  about('a member that was away for long is brought up to date by a snapshot', async (stage) => {
    await stage.startAll(...three);
    const { leader, others } = await stage.roles();
    const late = others[0] ?? '';
    await stage.add(leader, 1);
    await stage.crash(late);
    for (let value = 2; value <= 50; value += 1) await stage.add(leader, value);
    const made = await stage.world.settle(stage.at(leader).snapshot());
    assert.ok(made.index > 0 && made.bytes > 0);
    assert.equal(stage.at(leader).status().first, made.index);
    await stage.start(late, three);
    await stage.add(leader, 51);
    const seen = await stage.values(late);
    assert.deepEqual(
      seen,
      Array.from({ length: 51 }, (_, i) => i + 1),
    );
  }),
  about('events tell who leads and who takes part, and end with the group', async (stage) => {
    await stage.start('a', ['a']);
    await stage.add('a', 1);
    const events: ConsensusEvent[] = [];
    const reading = (async () => {
      for await (const event of stage.at('a').events(new AbortController().signal)) {
        events.push(event);
      }
    })();
    const snapshot = await stage.world.settle(stage.at('a').snapshot());
    await stage.event('a', (it) => it.kind === 'members');
    await stage.world.settle(stage.at('a').stop());
    await stage.world.settle(reading);
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['leader', 'members', 'snapshot'],
    );
    assert.deepEqual(events.at(-1), { kind: 'snapshot', origin: 'made', snapshot });
  }),
  about('a node that stops tells everybody who waits, and takes nothing more', async (stage) => {
    await stage.start('a', three);
    const group = stage.at('a');
    const waiting = [group.propose(add(1)), group.read(), group.changeMembers([{ add: 'd' }])];
    const failures = waiting.map((promise) => failure(promise));
    await stage.world.settle(group.stop());
    for (const error of await stage.world.settle(Promise.all(failures))) {
      assert.equal(error['code'], 'ERR_GROUP_CLOSED');
      assert.equal(error['executed'], 'no');
    }
    assert.equal((await failure(group.propose(add(2))))['code'], 'ERR_GROUP_CLOSED');
    assert.equal((await failure(group.read()))['code'], 'ERR_GROUP_CLOSED');
  }),
  about('a signal ends what waits', async (stage) => {
    await stage.start('a', three);
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = [stage.at('a').propose(add(1), { signal }), stage.at('a').read({ signal })];
    const failures = waiting.map((promise) => failure(promise));
    controller.abort();
    for (const error of await stage.world.settle(Promise.all(failures))) {
      assert.equal(error['code'], 'ERR_CANCELLED');
      assert.equal(error['executed'], 'no');
    }
  }),
];

function where(
  membership: NonNullable<ConsensusCase['membership']>,
  cases: readonly ConsensusCase[],
): readonly ConsensusCase[] {
  return cases.map((each) => ({ ...each, membership }));
}

/** What every implementation of `Consensus` must hold, as far as it can do what it is about. */
export const consensusCases: readonly ConsensusCase[] = [
  ...commands,
  ...reads,
  ...where(['joint'], joint),
  ...where(['joint', 'single'], single),
  ...leads,
  ...lives,
];
