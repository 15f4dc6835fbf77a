import type { Change, NodeId } from '@troupe/raft';
import type { SimNode } from './node.ts';
import type { Fault } from './swarm.ts';
import type { World } from './world.ts';

const NODES_MAX = 8;

/** Something goes wrong, or an operator does something. */
export function strike(world: World, fault: Fault): void {
  const { random, nodes } = world;
  const node = random.anyOf([...nodes.values()]);
  if (node === undefined) return;
  world.note(`${fault} ${node.id}`);
  switch (fault) {
    case 'cut':
      for (const other of nodes.keys()) cutLink(world, node.id, other);
      return;
    case 'cut-one-way': {
      const other = random.anyOf([...nodes.keys()]) ?? node.id;
      return void world.cut.add(`${node.id}>${other}`);
    }
    case 'split':
      return split(world);
    case 'heal':
      return world.cut.clear();
    case 'crash':
      return crash(world, node);
    case 'crash-all':
      for (const each of nodes.values()) crash(world, each);
      return;
    case 'pause':
      node.pausedUntil = world.timeline.now + random.between(20, 800);
      return;
    case 'slow-disk':
      node.diskDelayMax = random.pick([1, 20, 100, 400]);
      return;
    case 'unreachable':
      return askLeader(world, (leader) => leader.ask((raft) => raft.unreachable(node.id)));
    case 'transfer':
      return askLeader(world, (leader) => leader.ask((raft) => void raft.transfer(node.id)));
    case 'campaign':
      return node.isPaused ? undefined : node.ask((raft) => raft.campaign());
    case 'change':
      return askLeader(world, (leader) => changeMembers(world, leader));
    case 'snapshot':
      return node.isPaused ? undefined : node.snapshot(random.pick([0, 0, 3]));
  }
}

function cutLink({ cut }: World, a: NodeId, b: NodeId): void {
  cut.add(`${a}>${b}`);
  cut.add(`${b}>${a}`);
}

function split(world: World): void {
  const ids = world.random.shuffled([...world.nodes.keys()]);
  const size = world.random.between(1, ids.length);
  for (const a of ids.slice(0, size)) for (const b of ids.slice(size)) cutLink(world, a, b);
}

function crash(world: World, node: SimNode): void {
  if (!node.isUp) return;
  node.crash();
  world.timeline.after(world.random.between(1, 600), () => {
    if (!node.isUp && world.nodes.get(node.id) === node) node.start();
  });
}

function askLeader({ nodes, random }: World, act: (leader: SimNode) => void): void {
  const leaders = [...nodes.values()].filter(
    (node) => node.status?.role === 'leader' && !node.isPaused,
  );
  const leader = random.anyOf(leaders);
  if (leader !== undefined) act(leader);
}

/** Adds, removes and changes one or two members at random, but leaves somebody who can lead. */
function changeMembers(world: World, leader: SimNode): void {
  const { random } = world;
  leader.ask((raft) => {
    const { voters, learners } = raft.configuration;
    const changes: Change[] = [];
    for (let count = random.between(1, 2); count > 0; count -= 1) {
      if (random.chance(0.5) && world.nodes.size < NODES_MAX) {
        const id = world.newName();
        const kinds = ['voter', 'learner', 'promotable'] as const;
        const isWitness = world.swarm.witness && voters.length > 2 && random.chance(0.3);
        if (isWitness) world.witnesses.add(id);
        changes.push({ add: id, as: isWitness ? 'witness' : random.pick(kinds) });
        world.addNode(id, []);
      } else if (random.chance(0.7)) {
        const id = random.anyOf([...voters, ...learners]);
        if (id !== undefined && voters.length > 1) changes.push({ remove: id });
      } else {
        const id = random.anyOf(learners);
        if (id !== undefined) changes.push({ add: id, as: 'voter' });
      }
    }
    raft.changeMembers(changes);
  });
}
