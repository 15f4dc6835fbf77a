import type { GroupStatus, NodeId } from './consensus.ts';
import { GroupStalled } from './errors.ts';

/** Why a group may not answer, by what this node knows of it; undefined while it should. */
export function whyStalled(status: GroupStatus): GroupStalled | undefined {
  const { group, node, leader, reachable, absent, members, isFull } = status;
  const { voters } = members;
  const stalled = (issue: string): GroupStalled =>
    new GroupStalled(issue, { group, leader, reachable, absent });
  if (!voters.includes(node) && leader === undefined) {
    return stalled(
      `${node} has not heard of any leader of group ${group}, of which it is no voter: have it ` +
        'added by changeMembers on a node that is',
    );
  }
  const heard = voters.filter((voter) => reachable.includes(voter));
  const needed = Math.floor(voters.length / 2) + 1;
  const seen = `of its voters ${voters.join(', ')}, of whom ${needed} must agree`;
  if (isFull && heard.length >= needed && (leader === undefined || reachable.includes(leader))) {
    const advice = 'free some, or ask another node';
    return stalled(`${node} takes no commands of group ${group}: its disk has no room, ${advice}`);
  }
  if (heard.length >= needed && leader === undefined) {
    const advice =
      'which is enough: they are about to elect one, so try again; where that lasts, they have ' +
      `removed ${node}: see members() on another`;
    return stalled(`nobody leads group ${group}: ${node} hears ${list(heard)} ${seen}, ${advice}`);
  }
  if (heard.length < needed && (leader === undefined || leader === node)) {
    const who = leader === undefined ? 'nobody leads' : `${node} leads`;
    const only = heard.length === 0 ? 'none' : `only ${list(heard)}`;
    const advice = adviceOn(status);
    return stalled(`${who} group ${group}: ${node} hears ${only} ${seen}${advice}`);
  }
  if (leader === undefined || reachable.includes(leader)) return undefined;
  const advice = absent.includes(leader) ? adviceOn(status) : '; others will elect another';
  return stalled(`${leader} leads group ${group}, and ${node} does not hear it${advice}`);
}

/** What to do about the voters that are not heard. */
function adviceOn({ members, reachable, absent }: GroupStatus): string {
  const missing = members.voters.filter((voter) => !reachable.includes(voter));
  const unopened = missing.filter((voter) => absent.includes(voter));
  const silent = missing.filter((voter) => !absent.includes(voter));
  const open =
    unopened.length > 0 ? `; not opened on ${list(unopened)}: open it there as well` : '';
  const start =
    silent.length > 0
      ? `; no answer from ${list(silent)}: see to it that they run, are reached, and open it`
      : '';
  return open + start;
}

function list(names: readonly NodeId[]): string {
  return names.join(', ');
}
