import type { Change, Configuration } from '@troupe/raft';
import type { MemberChange, MemberKind, Members } from './consensus.ts';

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

/** @throws {TypeError} when one of them is no change at all */
export function changesOf(changes: readonly MemberChange[]): readonly Change[] {
  return changes.map((change) => {
    if ('remove' in change) return { remove: change.remove };
    const { add, as = 'voter' } = change;
    if (typeof add !== 'string' || add === '' || !Object.hasOwn(kinds, as)) {
      throw new TypeError(`changes: '${add}' cannot be added as '${as}'`);
    }
    return { add, as: kinds[as] };
  });
}
