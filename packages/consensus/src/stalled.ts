import type { GroupStatus } from './consensus.ts';
import { GroupStalled } from './errors.ts';

/** Why a group may not answer, by what this node knows of it; undefined while it should. */
export function whyStalled(status: GroupStatus): GroupStalled | undefined {
  const { group, node, leader, reachable, members } = status;
  const { voters } = members;
  const stalled = (issue: string): GroupStalled =>
    new GroupStalled(issue, { group, leader, reachable });
  if (!voters.includes(node) && leader === undefined) {
    return stalled(
      `${node} has not heard of any leader of group ${group}, of which it is no voter: have it ` +
        'added by changeMembers on a node that is',
    );
  }
  const heard = voters.filter((voter) => reachable.includes(voter));
  const needed = Math.floor(voters.length / 2) + 1;
  const seen = `${list(heard)} of its voters ${voters.join(', ')}, of whom ${needed} must agree`;
  if (leader === undefined) return stalled(`nobody leads group ${group}: ${node} hears ${seen}`);
  if (leader === node && heard.length < needed) {
    return stalled(`${node} leads group ${group}, and hears ${seen}`);
  }
  if (reachable.includes(leader)) return undefined;
  return stalled(`${leader} leads group ${group}, and ${node} does not hear it`);
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : `only ${names.join(', ')}`;
}
