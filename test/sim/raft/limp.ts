import { canSpare } from './operator.ts';
import { demand } from './specification.ts';
import type { Theme } from './swarm.ts';
import type { World } from './world.ts';

/** For how long one thing is broken, and all else must go on. */
export const LIMPS_FOR = 2_000;

export type Limp =
  | 'gone'
  | 'paused'
  | 'deaf'
  | 'dumb'
  | 'apart from one other'
  | 'without its disk'
  | 'with a full disk'
  | 'strange to the others';

/**
 * One node, the leader if there is one, or one of its links, stays broken in some way while all
 * else is well (Howard & Abraham 2020: what took Cloudflare down for six hours).
 * @returns `undefined` when nobody can be spared
 */
export function limp(world: World): Limp | undefined {
  const { random, nodes, network, timeline } = world;
  const all = [...nodes.values()];
  const leader = all.find(({ status }) => status?.role === 'leader');
  const node = leader !== undefined && random.chance(0.6) ? leader : random.anyOf(all);
  if (node === undefined || !canSpare(world, node.id)) return undefined;
  const others = [...nodes.keys()].filter((id) => id !== node.id);
  const { settings, mixed, theme } = world.swarm;
  const ofDisks = random.pick<Limp>(['without its disk', 'with a full disk']);
  const any = random.pick<Limp>([
    'gone',
    'paused',
    // Who asks for votes without asking whether it would get them takes those of others in vain.
    settings.preVote === true && !mixed ? 'deaf' : 'gone',
    'dumb',
    'apart from one other',
    ofDisks,
  ]);
  const typical: Partial<Record<Theme, Limp>> = {
    disks: ofDisks,
    rivals: 'gone',
    strangers: 'strange to the others',
  };
  const fault = random.chance(0.7) ? (typical[theme] ?? any) : any;
  switch (fault) {
    case 'strange to the others':
      return estrange(world);
    case 'gone':
      node.crash();
      break;
    case 'paused':
      node.pausedUntil = timeline.now + LIMPS_FOR;
      break;
    case 'deaf':
      for (const other of others) network.cut.add(`${other}>${node.id}`);
      break;
    case 'dumb':
      for (const other of others) network.cut.add(`${node.id}>${other}`);
      break;
    case 'apart from one other':
      network.cutLink(node.id, random.anyOf(others) ?? node.id);
      break;
    case 'without its disk':
      node.hangDisk(1e6);
      break;
    case 'with a full disk':
      node.fillDisk(1e6);
      break;
  }
  return fault;
}

/** How long a change of members, and those who lose patience meanwhile, may take. */
const CHANGES_FOR = 300;

/**
 * Two are left of three: `late` has slept through the change that brought `next`, which is the only
 * one that can win. It never asks `next`, who thus hears of its many terms by refusals alone.
 */
function estrange(world: World): Limp | undefined {
  const { nodes, network, timeline, specification, random } = world;
  const { voters } = specification.committedConfiguration;
  const leader = voters.find((id) => nodes.get(id)?.status?.role === 'leader');
  const [late, gone, ...more] = random.shuffled(voters.filter((id) => id !== leader));
  if (leader === undefined || late === undefined || gone === undefined || more.length > 0) {
    return undefined;
  }
  for (const id of voters) if (id !== late) network.cutLink(late, id);
  const next = world.newName();
  world.addNode(next, []);
  nodes.get(late)?.ask((raft) => raft.configure({ preVote: false, priority: 0 }));
  nodes.get(next)?.ask((raft) => raft.configure({ preVote: false, priority: 1 }));
  nodes.get(leader)?.ask((raft) => {
    raft.changeMembers([{ remove: gone }, { add: next, as: 'voter' }]);
  });
  timeline.after(CHANGES_FOR, () => {
    const { voters: now } = specification.committedConfiguration;
    demand(now.includes(next) && !now.includes(gone), () => `${next} does not become a voter`);
    for (const id of [leader, gone]) nodes.get(id)?.crash();
    network.mend(late);
    world.expectProgress();
  });
  return 'strange to the others';
}
