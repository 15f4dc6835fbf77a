import type { Change, Configuration } from '@troupe/raft';
import type { MemberChange, MemberKind, Members, NodeId } from './consensus.ts';
import { BadOption } from './errors.ts';

const kinds = {
  voter: 'voter',
  candidate: 'promotable',
  learner: 'learner',
  witness: 'witness',
} as const satisfies Record<MemberKind, string>;

export function membersOf(configuration: Configuration): Members {
  const { voters, outgoing, learners, witnesses } = configuration;
  return { voters, learners, witnesses, isChanging: outgoing.length > 0 };
}

/** @throws {BadOption} when one of them is no change at all */
export function checkChanges(changes: readonly MemberChange[]): void {
  const isList: boolean = Array.isArray(changes);
  if (!isList) {
    throw new BadOption('changes', changes, "give a list, such as [{ add: 'b' }]");
  }
  for (const [at, change] of changes.entries()) {
    if (typeof change !== 'object' || change === null) {
      throw new BadOption(`changes[${at}]`, change, 'give { add } or { remove }');
    }
    const name: unknown = 'remove' in change ? change.remove : change.add;
    if (typeof name !== 'string' || name === '') {
      throw new BadOption(`changes[${at}]`, name, 'give the name of a node to add, or to remove');
    }
    if ('remove' in change || change.as === undefined || Object.hasOwn(kinds, change.as)) continue;
    throw new BadOption(
      `changes[${at}].as`,
      change.as,
      `give one of ${Object.keys(kinds).join(', ')}`,
    );
  }
}

/** Who is to be a voter once it has caught up. */
export function expectedOf(changes: readonly MemberChange[]): readonly NodeId[] {
  return changes.flatMap((change) => {
    return 'add' in change && change.as === undefined ? [change.add] : [];
  });
}

/** What has to be changed of `present`: who is expected already is not asked again. */
export function changesOf(
  changes: readonly MemberChange[],
  { voters, promotable }: Configuration,
): readonly Change[] {
  return changes.flatMap((change): Change[] => {
    if ('remove' in change) return [{ remove: change.remove }];
    const { add, as } = change;
    if (as !== undefined) return [{ add, as: kinds[as] }];
    if (promotable.includes(add)) return [];
    return [{ add, as: voters.includes(add) ? 'voter' : 'promotable' }];
  });
}
