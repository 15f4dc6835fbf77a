import type { Change, Configuration, NodeId } from '@troupe/raft';
import type { SimNode } from './node.ts';
import { demand } from './specification.ts';
import { CHUNK_BYTES } from './swarm.ts';
import type { World } from './world.ts';

const NODES_MAX = 8;
/** With so many, two are a quorum when one has lost what it knew. */
const VOTERS_MIN = 3;

export function askLeader({ nodes, random }: World, act: (leader: SimNode) => void): void {
  const leaders = [...nodes.values()].filter(
    (node) => node.status?.role === 'leader' && !node.isPaused,
  );
  const leader = random.anyOf(leaders);
  if (leader !== undefined) act(leader);
}

/** Adds, removes and changes one or two members at random, but leaves somebody who can lead. */
export function changeMembers(world: World, leader: SimNode): void {
  if (world.invalid !== undefined || world.isCalm) return; // The others are needed as they are.
  const { random, timeline } = world;
  leader.ask((raft) => {
    const seen = raft.configuration;
    const { voters, learners } = seen;
    const changes: Change[] = [];
    for (let count = random.between(1, 3); count > 0; count -= 1) {
      if (random.chance(0.5) && world.nodes.size < NODES_MAX) {
        const id = world.newName();
        const kinds = ['voter', 'learner', 'promotable'] as const;
        const { witness, theme } = world.swarm;
        const often = theme === 'witnesses' ? 0.8 : 0.4;
        const isWitness = witness && voters.length > 1 && random.chance(often);
        if (isWitness) world.witnesses.add(id);
        changes.push({ add: id, as: isWitness ? 'witness' : random.pick(kinds) });
        world.addNode(id, []);
      } else if (random.chance(0.7)) {
        const id = random.anyOf([...voters, ...learners]);
        const isEnough = voters.length > 2 || random.chance(0.2);
        if (id !== undefined && isEnough) changes.push({ remove: id });
      } else {
        const id = random.anyOf(learners);
        if (id !== undefined) changes.push({ add: id, as: 'voter' });
      }
    }
    if (random.chance(0.5)) return void raft.changeMembers(changes);
    // Whoever thinks about it for so long wants nothing but what it has thought of.
    timeline.after(random.between(1, 100), () => changeAsSeen(world, leader, { seen, changes }));
  });
}

function changeAsSeen(
  { invalid, isCalm }: World,
  leader: SimNode,
  { seen, changes }: { readonly seen: Configuration; readonly changes: readonly Change[] },
): void {
  if (invalid !== undefined || isCalm || leader.isPaused) return;
  leader.ask((raft) => {
    const { configuration } = raft;
    const { accepted } = raft.changeMembers(changes, { expected: seen });
    const isSame = JSON.stringify(configuration) === JSON.stringify(seen);
    demand(!accepted || isSame, () => `${leader.id} changes members that nobody has seen`);
  });
}

/** Settings are changed while the node runs; for some there are bounds, which stay. */
export function configure({ random, swarm }: World, node: SimNode): void {
  if (node.isPaused) return;
  const { leaseReads } = swarm.settings;
  node.ask((raft) =>
    raft.configure({
      priority: random.pick([0, 0, 1]),
      quietTicks: swarm.settings.quietTicks === 0 ? 0 : random.pick([0, 5]),
      messageEntriesMax: random.pick([1, 3, 100]),
      inflightMessagesMax: random.pick([1, 2, 100]),
      appendsMax: random.pick([1, 3, 16]),
      chunkBytes: random.pick([CHUNK_BYTES, 2 * CHUNK_BYTES]),
      ...(swarm.mixed && { preVote: random.chance(swarm.preVote) }),
      ...(leaseReads !== true && { electionTicks: random.pick([8, 10, 12]) }),
    }),
  );
}

/** What the latest snapshot says cannot be read any more; what came before it is long gone. */
export function spoilSnapshot(world: World, node: SimNode): void {
  const isThere = node.isUp && !node.isPaused && node.disk.snapshot !== undefined;
  if (!isThere || !canSpare(world, node.id)) return;
  world.invalid = node.id;
  if (world.random.chance(0.5)) node.snapshot(0); // Then nobody else has one that is as new.
  node.spoilSnapshot();
}

/** What is being sent cannot be read any more, which its sender has to find out by itself. */
export function rot(world: World, node: SimNode): void {
  const { snapshot, snapshots } = node.disk;
  for (const id of node.sending) {
    if (id === snapshot?.id) {
      if (!canSpare(world, node.id)) continue;
      world.invalid = node.id;
    }
    snapshots.delete(id);
  }
}

/** A disk is found to be damaged; its node must not vote until the others have made that good. */
export function damage(world: World, node: SimNode): void {
  if (!node.isUp || node.disk.entries.length === 0 || !canSpare(world, node.id)) return;
  world.invalid = node.id;
  node.damage();
  restartLater(world, node);
}

/** A disk is lost with all that was on it: a new node has to take the place. */
export function wipe(world: World, node: SimNode): void {
  const { nodes, specification, mistake } = world;
  if (!node.isUp || !canSpare(world, node.id)) return;
  node.crash();
  specification.wiped(node.id);
  world.note(`${node.id} has lost its disk`);
  nodes.delete(node.id);
  if (mistake === 'a wiped disk comes back under its old name') {
    return world.addNode(
      node.id,
      specification.initial.includes(node.id) ? specification.initial : [],
    );
  }
  world.invalid = node.id;
  const heir = world.newName();
  world.addNode(heir, []);
  replace(world, node.id, heir);
}

/** Asks, until it is done, that `heir` takes the place of `lost`. */
function replace(world: World, lost: NodeId, heir: NodeId): void {
  const { timeline, random, specification } = world;
  const { voters, outgoing } = specification.committedConfiguration;
  if (![...voters, ...outgoing].includes(lost)) {
    world.invalid = undefined;
    return;
  }
  askLeader(world, (leader) => {
    leader.ask((raft) => {
      if (!raft.configuration.voters.includes(lost)) return;
      raft.changeMembers([{ remove: lost }, { add: heir, as: 'voter' }]);
    });
  });
  timeline.after(random.between(30, 150), () => replace(world, lost, heir));
}

/**
 * Whether the others can do without `id`: nobody else is missing, and no change of members is
 * under way, or may come up again from somebody's log, that would leave too few.
 */
export function canSpare(world: World, id: NodeId): boolean {
  const { specification, nodes, invalid } = world;
  const { voters, outgoing, promotable, witnesses } = specification.committedConfiguration;
  const at = specification.committedMembersAt;
  const isSettled = [...nodes.values()].every((node) => {
    const latest = node.raft?.dump().configurations.at(-1)?.index ?? 0;
    return Math.max(latest, specification.membersAt(node.id)) <= at;
  });
  return (
    invalid === undefined &&
    isSettled &&
    voters.includes(id) &&
    voters.length >= VOTERS_MIN &&
    outgoing.length + promotable.length + witnesses.length === 0
  );
}

/** Starts a node that is down, after a while. */
export function restartLater(world: World, node: SimNode): void {
  world.timeline.after(world.random.between(1, 300), () => {
    if (!node.isUp && world.nodes.get(node.id) === node) node.start();
  });
}
