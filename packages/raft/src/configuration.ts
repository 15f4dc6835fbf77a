import type { NodeId } from './entry.ts';

/** Who takes part. Effective from the moment it is in the log, committed or not (§6). */
export interface Configuration {
  readonly voters: readonly NodeId[];
  /** The voters of before while a joint change is under way: both halves must agree. Else empty. */
  readonly outgoing: readonly NodeId[];
  /** Receive the log and do not count. */
  readonly learners: readonly NodeId[];
  /** Those learners that the leader makes voters once they have caught up. */
  readonly promotable: readonly NodeId[];
  /** Those voters that keep positions without commands: they vote and count, and never lead. */
  readonly witnesses: readonly NodeId[];
}

export type MemberKind = 'voter' | 'witness' | 'learner' | 'promotable';

/** `add` also changes what a member is. */
export type Change =
  | { readonly add: NodeId; readonly as: MemberKind }
  | { readonly remove: NodeId };

export const MEMBERS_MAX = 255;

export function initialConfiguration(voters: readonly NodeId[]): Configuration {
  return { voters: [...voters], outgoing: [], learners: [], promotable: [], witnesses: [] };
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

export function isVoter({ voters, outgoing }: Configuration, id: NodeId): boolean {
  return voters.includes(id) || outgoing.includes(id);
}

/** Whether `configuration` is as `expected` says, in all that it says; the order means nothing. */
export function isAs(configuration: Configuration, expected: Partial<Configuration>): boolean {
  return roles.every((role) =>
    isSameSet(configuration[role], expected[role] ?? configuration[role]),
  );
}

const roles = ['voters', 'outgoing', 'learners', 'promotable', 'witnesses'] as const;

function isSameSet(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

export function isMember(configuration: Configuration, id: NodeId): boolean {
  return isVoter(configuration, id) || configuration.learners.includes(id);
}

/** May lead: it votes, and it knows what the entries say. */
export function isElectable(configuration: Configuration, id: NodeId): boolean {
  return isVoter(configuration, id) && !configuration.witnesses.includes(id);
}

/** Everybody the leader sends to, itself included. */
export function membersOf({ voters, outgoing, learners }: Configuration): ReadonlySet<NodeId> {
  return new Set([...voters, ...outgoing, ...learners]);
}

/**
 * What to append first to get from `current`, which is not joint, to what `changes` make of it:
 * the result itself where any two majorities overlap anyway, because at most one voter differs
 * (thesis §4.1); else the joint configuration (§6).
 * @returns a sentence instead, when the changes make no sense
 */
export function changed(
  current: Configuration,
  changes: readonly Change[],
): Configuration | string {
  const kinds = new Map<NodeId, MemberKind>();
  for (const id of current.voters) kinds.set(id, 'voter');
  for (const id of current.witnesses) kinds.set(id, 'witness');
  for (const id of current.learners) kinds.set(id, 'learner');
  for (const id of current.promotable) kinds.set(id, 'promotable');
  for (const change of changes) {
    const id = 'add' in change ? change.add : change.remove;
    const kind = kinds.get(id);
    if ('remove' in change) kinds.delete(id);
    else if (kind !== undefined && (kind === 'witness') !== (change.as === 'witness')) {
      // A witness has no commands to serve, and a member's log cannot be made to forget its own.
      return `'${id}' is a ${kind}: remove it, and add a new node as ${change.as}`;
    } else kinds.set(id, change.as);
  }
  if (kinds.size > MEMBERS_MAX) return `${kinds.size} members, over ${MEMBERS_MAX}`;
  const of = (...wanted: MemberKind[]): NodeId[] =>
    [...kinds].filter(([, kind]) => wanted.includes(kind)).map(([id]) => id);
  const next: Configuration = {
    voters: of('voter', 'witness'),
    outgoing: [],
    learners: of('learner', 'promotable'),
    promotable: of('promotable'),
    witnesses: of('witness'),
  };
  if (next.voters.length === next.witnesses.length) return 'nobody would be left who could lead';
  if (2 * next.witnesses.length > next.voters.length) {
    return 'witnesses would be a majority, and could commit what no disk holds';
  }
  if (isAs(next, current)) return 'nothing would change';
  return differingVoters(current, next) <= 1 ? next : joint(current, next);
}

function joint(from: Configuration, to: Configuration): Configuration {
  const witnesses = [...new Set([...from.witnesses, ...to.witnesses])];
  return { ...to, outgoing: from.voters, witnesses };
}

/** The end of a joint change: the outgoing half no longer counts. */
export function withoutOutgoing(configuration: Configuration): Configuration {
  const { voters, witnesses } = configuration;
  return {
    ...configuration,
    outgoing: [],
    witnesses: witnesses.filter((id) => voters.includes(id)),
  };
}

function differingVoters(a: Configuration, b: Configuration): number {
  const gone = a.voters.filter((id) => !b.voters.includes(id));
  return gone.length + b.voters.filter((id) => !a.voters.includes(id)).length;
}
