import type { SimNode } from './node.ts';
import { askLeader, changeMembers, configure, damage, spoilSnapshot, wipe } from './operator.ts';
import { ambush, burst, fork, lag, overthrow, usurp } from './schemes.ts';
import type { Fault, Scheme } from './swarm.ts';
import type { World } from './world.ts';

/** Something goes wrong, or an operator does something. */
export function strike(world: World, fault: Fault): void {
  const { random, nodes, network, timeline } = world;
  const all = [...nodes.values()];
  // Leaders have more to lose.
  const leaders = all.filter(({ status }) => status?.role === 'leader');
  const node = random.anyOf(leaders.length > 0 && random.chance(0.4) ? leaders : all);
  if (node === undefined) return;
  world.note(`${fault} ${node.id}`);
  switch (fault) {
    case 'cut':
      return network.cutOff(node.id);
    case 'cut-one-way': {
      const other = random.anyOf([...nodes.keys()]) ?? node.id;
      return void network.cut.add(`${node.id}>${other}`);
    }
    case 'split':
      return split(world);
    case 'heal':
      return network.cut.clear();
    case 'crash':
      return world.crash(node);
    case 'crash-all':
      return all.forEach((each) => world.crash(each));
    case 'pause':
      node.pausedUntil = timeline.now + random.between(20, 400);
      return;
    case 'clock-jump':
      // A follower's clock that jumps ahead breaks what leases rest on.
      if (world.swarm.settings.leaseReads === true) return;
      return node.isPaused ? undefined : node.ask((raft) => raft.tick(random.between(1, 60)));
    case 'slow-disk':
      node.diskDelayMax = random.pick([1, 20, 60, 200]);
      return;
    case 'hung-disk':
      return node.hangDisk(random.between(100, 1_000));
    case 'disk-error':
      node.isDiskFailing = true;
      return;
    case 'full-disk':
      return node.fillDisk(random.between(50, 1_500));
    case 'damage':
      return damage(world, node);
    case 'bad-snapshot':
      return spoilSnapshot(world, node);
    case 'wipe':
      return wipe(world, node);
    default:
      return order(world, fault, node);
  }
}

/** What somebody asks of a node, or what is put together of several faults. */
function order(world: World, fault: Scheme, node: SimNode): void {
  const { random, network } = world;
  switch (fault) {
    case 'unreachable':
      return askLeader(world, (leader) => leader.ask((raft) => raft.unreachable(node.id)));
    case 'configure':
      return configure(world, node);
    case 'transfer':
      return askLeader(world, (leader) => leader.ask((raft) => void raft.transfer(node.id)));
    case 'campaign':
      return node.isPaused ? undefined : node.ask((raft) => raft.campaign());
    case 'change':
      return askLeader(world, (leader) => changeMembers(world, leader));
    case 'burst':
      for (const each of world.nodes.values()) {
        if (each.status?.role === 'leader' && !each.isPaused) burst(world, each);
      }
      return;
    case 'usurp':
      return askLeader(world, (leader) => usurp(world, leader));
    case 'fork':
      return askLeader(world, (leader) => fork(world, leader));
    case 'lag':
      return lag(world, node);
    case 'overthrow':
      return askLeader(world, (leader) => overthrow(world, leader));
    case 'ambush':
      return ambush(world);
    case 'replay':
      return network.replay(random.between(1, 30));
    case 'snapshot':
      return node.isPaused ? undefined : node.snapshot(random.pick([0, 0, 3]));
  }
}

function split({ random, nodes, network }: World): void {
  const ids = random.shuffled([...nodes.keys()]);
  const size = random.between(1, ids.length);
  for (const a of ids.slice(0, size)) for (const b of ids.slice(size)) network.cutLink(a, b);
}
