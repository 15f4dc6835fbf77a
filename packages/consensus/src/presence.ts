import type { Status } from '@troupe/raft';
import type { GroupStatus, NodeId } from './consensus.ts';
import type { Packet } from './packet.ts';

/** Whoever has said nothing for so long might be gone: an election takes no longer to begin. */
const ELECTION_TICKS_MAX = 20;

/** Who of a group was heard lately, and who has said that it takes no part. */
export class Presence {
  readonly #node: NodeId;
  #ticks = 0;
  /** By members, and by those who were. */
  readonly #heard = new Map<NodeId, { readonly tick: number; readonly isAbsent: boolean }>();

  constructor(node: NodeId) {
    this.#node = node;
  }

  tick(ticks: number): void {
    this.#ticks += ticks;
  }

  note({ from, type }: Packet): void {
    this.#heard.set(from, { tick: this.#ticks, isAbsent: type === 'absent' });
  }

  of({ configuration }: Status): Pick<GroupStatus, 'reachable' | 'absent'> {
    const { voters, outgoing, learners } = configuration;
    const members = [...new Set([...voters, ...outgoing, ...learners])];
    const isHeard = (member: NodeId, isAbsent: boolean): boolean => {
      const heard = this.#heard.get(member);
      const isLate = heard === undefined || this.#ticks - heard.tick > ELECTION_TICKS_MAX;
      return !isLate && heard.isAbsent === isAbsent;
    };
    return {
      reachable: members.filter((member) => member === this.#node || isHeard(member, false)),
      absent: members.filter((member) => isHeard(member, true)),
    };
  }
}
