import { canSpare } from './operator.ts';
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
  | 'with a full disk';

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
  const typical: Partial<Record<Theme, Limp>> = { disks: ofDisks, rivals: 'gone' };
  const fault = random.chance(0.7) ? (typical[theme] ?? any) : any;
  switch (fault) {
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
