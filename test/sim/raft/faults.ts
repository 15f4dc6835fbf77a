import type { Change, NodeId } from '@troupe/raft';
import { encode } from './machine.ts';
import type { SimNode } from './node.ts';
import type { Fault } from './swarm.ts';
import type { World } from './world.ts';

const NODES_MAX = 8;

/** Something goes wrong, or an operator does something. */
export function strike(world: World, fault: Fault): void {
  const { random, nodes } = world;
  const all = [...nodes.values()];
  // Leaders have more to lose.
  const leaders = all.filter(({ status }) => status?.role === 'leader');
  const node = random.anyOf(leaders.length > 0 && random.chance(0.4) ? leaders : all);
  if (node === undefined) return;
  world.note(`${fault} ${node.id}`);
  switch (fault) {
    case 'cut':
      return cutOff(world, node.id);
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
      node.pausedUntil = world.timeline.now + random.between(20, 400);
      return;
    case 'slow-disk':
      node.diskDelayMax = random.pick([1, 20, 60, 200]);
      return;
    case 'unreachable':
      return askLeader(world, (leader) => leader.ask((raft) => raft.unreachable(node.id)));
    case 'transfer':
      return askLeader(world, (leader) => leader.ask((raft) => void raft.transfer(node.id)));
    case 'campaign':
      return node.isPaused ? undefined : node.ask((raft) => raft.campaign());
    case 'change':
      return askLeader(world, (leader) => changeMembers(world, leader));
    case 'burst':
      for (const each of leaders) if (!each.isPaused) burst(world, each);
      return;
    case 'usurp':
      return askLeader(world, (leader) => usurp(world, leader));
    case 'lag':
      return lag(world, node);
    case 'overthrow':
      return askLeader(world, (leader) => overthrow(world, leader));
    case 'replay':
      return world.replay(random.between(1, 30));
    case 'snapshot':
      return node.isPaused ? undefined : node.snapshot(random.pick([0, 0, 3]));
  }
}

/** More at once than clients would ask, so that logs differ by more than one entry. */
function burst({ random }: World, leader: SimNode): void {
  const count = random.between(1, 8);
  const commands = Array.from({ length: count }, (_, call) =>
    encode({ kind: 'write', key: 'burst', value: random.between(0, 99), call }),
  );
  leader.ask((raft) => void raft.propose(commands));
}

/** A leader is cut off, does not know it, and comes back with what nobody wants any more. */
function usurp(world: World, leader: SimNode): void {
  cutOff(world, leader.id);
  world.timeline.after(world.random.between(0, 60), () => burst(world, leader));
  world.timeline.after(world.random.between(100, 500), () => mend(world, leader.id));
}

/** Others lead before the leader knows: by an heir who was told to, or by voters who forget. */
function overthrow(world: World, leader: SimNode): void {
  const { random, timeline, nodes } = world;
  const others = [...nodes.values()].filter((other) => other !== leader);
  const heir = random.anyOf(others);
  if (random.chance(0.5)) {
    leader.ask((raft) => void raft.transfer(heir?.id ?? ''));
    timeline.after(random.between(3, 25), () => cutOff(world, leader.id));
  } else {
    cutOff(world, leader.id);
    for (const other of others) {
      if (other.isUp) other.crash();
      timeline.after(random.between(1, 10), () => (other.isUp ? undefined : other.start()));
    }
    timeline.after(random.between(15, 30), () => heir?.ask((raft) => raft.campaign()));
  }
  // Whoever asks the old leader now must not get an old answer.
  for (let delay = 20; delay < 110; delay += 10) {
    timeline.after(delay, () => {
      if (heir !== undefined && !world.isWitness(heir.id)) world.clients.probe('write', heir.id);
      world.clients.probe('read', leader.id);
    });
  }
  timeline.after(random.between(150, 400), () => mend(world, leader.id));
}

/** A node misses so much that the others have to send it a snapshot. */
function lag(world: World, node: SimNode): void {
  cutOff(world, node.id);
  const others = [...world.nodes.values()].filter((other) => other !== node);
  world.timeline.after(world.random.between(100, 300), () => {
    for (const other of others) if (other.status?.role === 'leader') burst(world, other);
  });
  world.timeline.after(world.random.between(300, 500), () => {
    for (const other of others) if (!other.isPaused) other.snapshot(world.random.pick([0, 0, 1]));
    mend(world, node.id);
  });
}

function cutOff(world: World, id: NodeId): void {
  for (const other of world.nodes.keys()) cutLink(world, id, other);
}

function mend({ cut }: World, id: NodeId): void {
  for (const link of cut) if (link.split('>').includes(id)) cut.delete(link);
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
  world.timeline.after(world.random.between(1, 300), () => {
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
    for (let count = random.between(1, 3); count > 0; count -= 1) {
      if (random.chance(0.5) && world.nodes.size < NODES_MAX) {
        const id = world.newName();
        const kinds = ['voter', 'learner', 'promotable'] as const;
        const isWitness = world.swarm.witness && voters.length > 2 && random.chance(0.3);
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
    raft.changeMembers(changes);
  });
}
