import test from 'ava';
import {
  command,
  type Consensus,
  Machine,
  type Outcome,
  query,
  type Replica,
  Replicated,
  replicate,
} from '@troupe/consensus';
import { TestWorld } from './world.ts';

/** Notes what it is told as often as it is told: nothing in here knows about repetitions. */
class Diary extends Machine {
  lines: string[] = [];

  @command note(line: string): number {
    return this.lines.push(line);
  }

  @query all(): readonly string[] {
    return this.lines;
  }
}

interface Member {
  readonly group: Consensus<Outcome>;
  readonly diary: Replica<Diary>;
  /** Entries that were proposed, attempts that came to nothing included. */
  proposed: number;
}

const nodes = ['a', 'b', 'c'] as const;

async function openAll(world: TestWorld): Promise<ReadonlyMap<string, Member>> {
  const members = await Promise.all(
    nodes.map(async (node): Promise<[string, Member]> => {
      const machine = new Replicated(Diary);
      const engine = world.engine(node);
      const group = await engine.open({ group: 'diary', machine, voters: nodes });
      const member = { group, diary: replicate(group, machine, world), proposed: 0 };
      const propose = group.propose.bind(group);
      group.propose = (data, options) => {
        member.proposed += 1;
        return propose(data, options);
      };
      return [node, member];
    }),
  );
  return new Map(members);
}

/** Whom the group follows now. */
async function leaderOf(world: TestWorld, { group }: Member): Promise<string> {
  await world.settle(group.read());
  return group.status().leader ?? '';
}

function memberOf(members: ReadonlyMap<string, Member>, node: string): Member {
  const member = members.get(node);
  if (member === undefined) throw new Error(`${node} is no node of this world`);
  return member;
}

/** Does something when the nodes have had so many turns, in the middle of what they do. */
function afterTurns(world: TestWorld, turns: number, act: () => void): void {
  if (turns === 0) act();
  else world.env.afterIo(() => afterTurns(world, turns - 1, act));
}

test('a leader that is cut off in the middle of commands loses none, and doubles none', async (t) => {
  const world = new TestWorld();
  const members = await openAll(world);
  const acknowledged: string[] = [];

  for (let round = 0; round < 12; round += 1) {
    const leader = await leaderOf(world, memberOf(members, 'a'));
    const noting = [...members].map(([node, { diary }]) => {
      acknowledged.push(`${round} ${node}`);
      return diary.with({ timeoutMs: 30_000 }).note(`${round} ${node}`);
    });
    afterTurns(world, round, () => world.isolate(leader)); // Each time a little further on.
    await world.env.advance(1_500);
    world.rejoin(leader);
    await world.settle(Promise.all(noting));
  }

  let proposed = 0;
  for (const member of members.values()) {
    const lines = await world.settle(member.diary.all());
    t.deepEqual([...lines].sort(), [...acknowledged].sort());
    proposed += member.proposed;
  }
  t.true(proposed > acknowledged.length + nodes.length, 'some were proposed more than once');
  for (const node of nodes) await world.crash(node);
});

test('a command that the leader took is not executed again when its answer is lost', async (t) => {
  const world = new TestWorld();
  const members = await openAll(world);
  const noted: string[] = [];

  for (let turns = 0; turns < 8; turns += 1) {
    const leader = await leaderOf(world, memberOf(members, 'a'));
    const [follower = ''] = nodes.filter((node) => node !== leader);
    noted.push(`after ${turns} turns`);
    const noting = memberOf(members, follower).diary.note(`after ${turns} turns`);
    afterTurns(world, turns, () => world.network.cut(follower, leader)); // The third hears both.
    await world.env.advance(1_500);
    world.network.heal(follower, leader);
    t.is(await world.settle(noting), noted.length);
  }

  for (const { diary } of members.values()) {
    t.deepEqual(await world.settle(diary.all()), noted);
  }
  for (const node of nodes) await world.crash(node);
});

test('a command of a follower is executed once although its leader dies with it', async (t) => {
  for (let turns = 1; turns < 6; turns += 1) {
    const world = new TestWorld();
    const members = await openAll(world);
    const leader = await leaderOf(world, memberOf(members, 'a'));
    const [follower = ''] = nodes.filter((node) => node !== leader);
    const { diary, group } = memberOf(members, follower);
    await world.settle(diary.note('first'));

    const noting = diary.note('second');
    afterTurns(world, turns, () => void world.crash(leader));

    t.is(await world.settle(noting), 2);
    t.deepEqual(await world.settle(diary.all()), ['first', 'second']);
    t.not(group.status().leader, leader);
    for (const node of nodes) await world.crash(node);
  }
});

test('a query on any node sees what was acknowledged on another', async (t) => {
  const world = new TestWorld();
  const members = await openAll(world);

  for (let at = 0; at < 9; at += 1) {
    const writer = memberOf(members, nodes[at % 3] ?? '');
    const reader = memberOf(members, nodes[(at + 1) % 3] ?? '');
    await world.settle(writer.diary.note(String(at)));

    t.is((await world.settle(reader.diary.all())).at(-1), String(at));
  }
  for (const node of nodes) await world.crash(node);
});

/** A leader that took one line and was cut off then, and the diary as it sees it. */
async function cutOffLeader() {
  const world = new TestWorld();
  const members = await openAll(world);
  const leader = await leaderOf(world, memberOf(members, 'a'));
  const { diary } = memberOf(members, leader);
  await world.settle(diary.note('before'));
  world.isolate(leader);
  return { world, leader, diary };
}

test('a node that is cut off answers stale queries, and no others', async (t) => {
  const { world, diary } = await cutOffLeader();

  const stale = await world.settle(diary.with({ consistency: 'stale' }).all());
  const asking = t.throwsAsync(diary.with({ timeoutMs: 500 }).all());

  t.deepEqual(stale, ['before']);
  t.like(await world.settle(asking), { code: 'ERR_DEADLINE_EXCEEDED', executed: 'no' });
  for (const node of nodes) await world.crash(node);
});

test('a command whose outcome nobody knows at its deadline is executed once, or never', async (t) => {
  const { world, leader, diary } = await cutOffLeader();

  const error = await world.settle(t.throwsAsync(diary.with({ timeoutMs: 500 }).note('doubtful')));
  world.rejoin(leader);
  await world.settle(diary.note('after'));

  t.like(error, { code: 'ERR_DEADLINE_EXCEEDED', executed: 'unknown' });
  const lines = await world.settle(diary.all());
  t.true(lines.filter((line) => line === 'doubtful').length <= 1);
  t.deepEqual([lines.at(0), lines.at(-1)], ['before', 'after']);
  for (const node of nodes) await world.crash(node);
});
