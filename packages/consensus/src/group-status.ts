import type { Env } from '@troupe/actor';
import type { Status } from '@troupe/raft';
import type { GroupStatus, NodeId } from './consensus.ts';
import { membersOf } from './members.ts';

/** What a group tells of itself, but for who waits in it. */
export function groupStatusOf(
  group: string,
  status: Status,
): Omit<GroupStatus, 'waiting' | 'reachable' | 'absent'> {
  const { role } = status;
  return {
    group,
    node: status.id,
    role: role === 'leader' || role === 'follower' ? role : 'candidate',
    leader: status.leader,
    epoch: status.term,
    first: status.base.index + 1,
    last: status.last.index,
    durable: status.durable,
    committed: status.commit,
    applied: status.applied,
    members: membersOf(status.configuration),
    isDamaged: status.damaged,
    awaitsState: status.bereft,
    isFull: status.full,
    isQuiet: status.quiet,
  };
}

/** A voter with the longest log, by chance; undefined where nobody has to be found. */
export function heirOf({ id, role, configuration, members }: Status, env: Env): NodeId | undefined {
  if (role !== 'leader') return undefined;
  const { voters, witnesses } = configuration;
  const able = members.filter((member) => {
    return member.id !== id && voters.includes(member.id) && !witnesses.includes(member.id);
  });
  const match = Math.max(...able.map((member) => member.match));
  const best = able.filter((member) => member.match === match);
  return best[Math.floor(env.random() * best.length)]?.id;
}
