import { checkNames } from '@troupe/actor/internal';
import type { NodeId } from './consensus.ts';
import { BadOption } from './errors.ts';
import type { GroupLimits } from './group.ts';
import type { GroupSettings } from './group-settings.ts';
import type { StateMachine } from './state-machine.ts';

/** A command must fit into a frame, beside others. */
const COMMAND_BYTES_MAX = 8 * 2 ** 20;
const VOTERS_MAX = 1_024;
const NODE_NAME_MAX = 256;
/** As names of nodes, but for those that begin with a dot or a dash. */
const GROUP_NAME = /^\w[\w.-]{0,63}$/;

const limitsByDefault: GroupLimits = {
  commandBytesMax: 2 ** 20,
  proposalsMax: 65_536,
  snapshotEntries: 100_000,
  keepEntries: 10_000,
  lagEntries: 10_000,
};

export interface GroupOptions<R> extends Partial<GroupLimits>, Partial<GroupSettings> {
  /** The same on every node: 1 … 64 letters, digits, `_`, `.`, `-`; the first none of the last. */
  readonly group: string;
  /** Empty; what the log and its snapshots hold is put into it. */
  readonly machine: StateMachine<R>;
  /**
   * The voters of a new group, the same on each of them; empty where this node is to be added to a
   * group. Ignored where this node knows the group already. Default: this node alone.
   */
  readonly voters?: readonly NodeId[];
  /** Allow reads by lease: see `ReadOptions`. Default: false. */
  readonly leaseReads?: boolean;
}

const NAMES = [
  'group',
  'machine',
  'voters',
  'leaseReads',
  'rank',
  'quietAfterMs',
  'commandBytesMax',
  'proposalsMax',
  'snapshotEntries',
  'keepEntries',
  'lagEntries',
] as const satisfies (keyof GroupOptions<unknown>)[];

/**
 * What a group is opened with, all of it looked at: callers may be JavaScript, or a file of
 * settings.
 * @throws {BadOption}
 */
export function checkedLimits<R>(options: GroupOptions<R>): GroupLimits {
  checkNames('', options, NAMES);
  const { group, machine, voters, leaseReads = false } = options;
  if (typeof group !== 'string' || !GROUP_NAME.test(group)) {
    const rule = "give 1 … 64 letters, digits, '_', '.' or '-', the first no '.' or '-'";
    throw new BadOption('group', group, rule);
  }
  if (typeof machine?.apply !== 'function') {
    throw new BadOption('machine', machine, 'give a StateMachine, or a Replicated of a class');
  }
  if (voters !== undefined) checkVoters(voters);
  if (typeof leaseReads !== 'boolean') {
    throw new BadOption('leaseReads', leaseReads, 'give true or false');
  }
  const limits = { ...limitsByDefault, ...given(options) };
  if (limits.commandBytesMax <= COMMAND_BYTES_MAX) return limits;
  throw new BadOption('commandBytesMax', limits.commandBytesMax, `${COMMAND_BYTES_MAX} at most`);
}

/** @throws {BadOption} when they are no list of names, each there once */
function checkVoters(voters: readonly NodeId[]): void {
  const isList = Array.isArray(voters) && voters.length <= VOTERS_MAX;
  if (!isList) throw new BadOption('voters', voters, `give a list of ${VOTERS_MAX} names at most`);
  for (const [at, voter] of voters.entries()) {
    const isName = typeof voter === 'string' && voter !== '' && voter.length <= NODE_NAME_MAX;
    if (!isName) throw new BadOption(`voters[${at}]`, voter, 'give the name of a node');
    if (voters.indexOf(voter) === at) continue;
    throw new BadOption(`voters[${at}]`, voter, 'name each node once');
  }
}

/** @throws {BadOption} when it is no time */
export function checkTickMs(tickMs: number): void {
  if (Number.isFinite(tickMs) && tickMs > 0) return;
  throw new BadOption('tickMs', tickMs, 'give milliseconds, more than 0');
}

function given<R>(options: GroupOptions<R>): Partial<GroupLimits> {
  const names = Object.keys(limitsByDefault) as (keyof GroupLimits)[];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = options[name];
      if (value === undefined) return [];
      if (Number.isSafeInteger(value) && value > 0) return [[name, value]];
      throw new BadOption(name, value, 'give an integer of at least 1');
    }),
  );
}
