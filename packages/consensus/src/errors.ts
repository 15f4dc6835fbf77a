import { CallError, type Executed } from '@troupe/actor';
import type { NodeId } from './consensus.ts';

export { BadOption } from '@troupe/actor';

/** This node does not lead the group, and was told not to pass the request on. */
export class NotLeader extends CallError {
  override readonly name = 'NotLeader';
  readonly code = 'ERR_NOT_LEADER';
  readonly executed: Executed = 'no';
  constructor(
    readonly group: string,
    /** Who leads, by what this node knows. */
    readonly leader: NodeId | undefined,
    options?: ErrorOptions,
  ) {
    const advice = leader === undefined ? 'nobody is known to; try again' : `ask ${leader}`;
    super(`this node does not lead group ${group}: ${advice}`, options);
  }
}

/** The command was on its way when it was lost sight of. It may be applied, now or later. */
export class OutcomeUnknown extends CallError {
  override readonly name = 'OutcomeUnknown';
  readonly code = 'ERR_OUTCOME_UNKNOWN';
  readonly executed: Executed = 'unknown';
  constructor(
    readonly group: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`nobody can say whether a command of group ${group} took effect: ${reason}`, options);
  }
}

/** This node takes no more part in the group; the `cause` says why, unless it was told to stop. */
export class GroupClosed extends CallError {
  override readonly name = 'GroupClosed';
  readonly code = 'ERR_GROUP_CLOSED';
  constructor(
    readonly group: string,
    readonly executed: Executed,
    options?: ErrorOptions,
  ) {
    const why = options?.cause instanceof Error ? `: ${options.cause.message}` : '';
    super(`group ${group} is closed on this node${why}`, options);
  }
}

/** This node takes part in the group already, or is about to; nothing was begun. */
export class GroupAlreadyOpen extends Error {
  override readonly name = 'GroupAlreadyOpen';
  readonly code = 'ERR_GROUP_ALREADY_OPEN';
  readonly executed = 'no';
  constructor(
    readonly group: string,
    options?: ErrorOptions,
  ) {
    super(`group ${group} is open on this node already: use that one, or stop it first`, options);
  }
}

/** A change of members, or of the leader, that cannot be made, or not now. Nothing has changed. */
export class ChangeRefused extends CallError {
  override readonly name = 'ChangeRefused';
  readonly code = 'ERR_CHANGE_REFUSED';
  readonly executed: Executed = 'no';
  constructor(
    readonly group: string,
    /**
     * `pending`: another change is under way; try again. `other-members`: they are not those that
     * were expected; look, and decide anew. `invalid`: it makes no sense.
     */
    readonly reason: 'pending' | 'other-members' | 'invalid',
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`the change of group ${group} was refused: ${problem}`, options);
  }
}

/**
 * The group does not know the client's session any more: it was idle while others were not, and
 * there are places for so many only. What was executed under it can no longer be told.
 */
export class SessionExpired extends CallError {
  override readonly name = 'SessionExpired';
  readonly code = 'ERR_SESSION_EXPIRED';
  constructor(
    readonly group: string,
    /** `no`: the command came first when it was gone. `unknown`: an attempt before it may have. */
    readonly executed: Executed,
    options?: ErrorOptions,
  ) {
    super(`group ${group} has given this client's session up: read, and decide anew`, options);
  }
}

/**
 * Something is in the log, or in a snapshot, that this node's class of machines does not know. To
 * skip it would make this node differ from the others, so the group has stopped here: nothing is
 * answered from its state. All that this node has agreed to is on its disk: with a class that knows
 * it the node is started again, and goes on where it was.
 */
export class MachineOutdated extends Error {
  override readonly name = 'MachineOutdated';
  readonly code = 'ERR_MACHINE_OUTDATED';
  constructor(
    /** Name of the class. */
    readonly machine: string,
    /** What it does not know, for example `command refund`. */
    readonly what: string,
    { needed, running }: { readonly needed: number; readonly running: number },
    options?: ErrorOptions,
  ) {
    const why =
      needed > running
        ? `came with version ${needed} of ${machine}, and this node runs version ${running}`
        : `is not known to ${machine} of version ${running}, which this node runs`;
    super(
      `${what} ${why}: start this node again with a class that has it; until then it takes no ` +
        'part in the group, as it must not skip what the others execute',
      options,
    );
    this.needed = needed;
    this.running = running;
  }

  /** The version of the class that brought it. */
  readonly needed: number;
  /** The version of the class on this node. */
  readonly running: number;
}

/** Not all members of the group run a version of the class that knows the command. */
export class MembersOutdated extends CallError {
  override readonly name = 'MembersOutdated';
  readonly code = 'ERR_MEMBERS_OUTDATED';
  readonly executed: Executed = 'no';
  /** The version of the class that brought the command. */
  readonly needed: number;
  /** Those who run an earlier one, as far as they have said. */
  readonly behind: readonly { readonly node: NodeId; readonly version: number }[];
  constructor(
    readonly group: string,
    readonly command: string,
    { needed, behind }: Pick<MembersOutdated, 'needed' | 'behind'>,
  ) {
    const runs = behind.map(({ node, version }) => `${node} runs version ${version}`).join(', ');
    super(
      `command ${command} came with version ${needed}, and of the members of group ${group} ` +
        `${runs}: start them with version ${needed}, or remove those that are gone`,
    );
    this.needed = needed;
    this.behind = behind;
  }
}

/** Why a request of a group was not answered: the `cause` of its `DeadlineExceeded`. */
export class GroupStalled extends Error {
  override readonly name = 'GroupStalled';
  readonly code = 'ERR_GROUP_STALLED';
  readonly group: string;
  /** Who leads, by what this node knows. */
  readonly leader: NodeId | undefined;
  /** Whom of its members this node hears, itself included. */
  readonly reachable: readonly NodeId[];
  /** Who of them has said that it runs, and has not opened the group. */
  readonly absent: readonly NodeId[];
  constructor(
    issue: string,
    of: {
      readonly group: string;
      readonly leader: NodeId | undefined;
      readonly reachable: readonly NodeId[];
      readonly absent: readonly NodeId[];
    },
    options?: ErrorOptions,
  ) {
    super(issue, options);
    this.group = of.group;
    this.leader = of.leader;
    this.reachable = of.reachable;
    this.absent = of.absent;
  }
}

/**
 * This node has begun a group by itself, and the leader of another one of that name has been told
 * to take it in. Of two pasts nothing can make one: the group has ended on this node before it took
 * anything, and what it had is on its disk.
 */
export class FoundedApart extends Error {
  override readonly name = 'FoundedApart';
  readonly code = 'ERR_FOUNDED_APART';
  readonly executed = 'unknown';
  constructor(
    readonly group: string,
    readonly node: NodeId,
    /** Who leads the other one. */
    readonly leader: NodeId,
    options?: ErrorOptions,
  ) {
    super(
      `${node} has a group ${group} of its own, and ${leader} leads another one of that name: ` +
        `remove ${node} from that; what is to be a member of it starts without anything of its ` +
        'own, under a name that it has never had',
      options,
    );
  }
}

/** A command of more bytes than its group takes; it was never proposed. */
export class CommandTooLarge extends CallError {
  override readonly name = 'CommandTooLarge';
  readonly code = 'ERR_COMMAND_TOO_LARGE';
  readonly executed: Executed = 'no';
  constructor(
    readonly group: string,
    readonly size: number,
    readonly limit: number,
    options?: ErrorOptions,
  ) {
    const advice = 'keep what is large elsewhere, or open the group with a higher commandBytesMax';
    super(`a command of group ${group} has ${size} bytes, over ${limit}: ${advice}`, options);
  }
}

/** Nothing has been applied on this node yet that a snapshot could be made of. */
export class NothingApplied extends Error {
  override readonly name = 'NothingApplied';
  readonly code = 'ERR_NOTHING_APPLIED';
  readonly executed = 'no';
  constructor(
    readonly group: string,
    options?: ErrorOptions,
  ) {
    super(
      `nothing of group ${group} is applied on this node yet: make a snapshot once it has a leader`,
      options,
    );
  }
}

/** A class that cannot be replicated as it is. */
export class BadMachine extends TypeError {
  override readonly name = 'BadMachine';
  readonly code = 'ERR_BAD_MACHINE';
  constructor(
    /** Name of the class. */
    readonly machine: string,
    issue: string,
    options?: ErrorOptions,
  ) {
    super(`${machine} ${issue}`, options);
  }
}

/** The class of the group's machine has no command, or no query, of that name. */
export class NoSuchCommand extends CallError {
  override readonly name = 'NoSuchCommand';
  readonly code = 'ERR_NO_SUCH_COMMAND';
  readonly executed: Executed = 'no';
  constructor(
    readonly group: string,
    readonly command: string,
    options?: ErrorOptions,
  ) {
    super(`the machine of group ${group} has no '${command}': mark it @command or @query`, options);
  }
}

/**
 * The thread that ran the consensus of this node has ended, and was not told to. Its groups are
 * closed here; start the node anew, in a process of its own.
 */
export class ConsensusThreadFailed extends Error {
  override readonly name = 'ConsensusThreadFailed';
  readonly code = 'ERR_CONSENSUS_THREAD_FAILED';
  readonly executed = 'unknown';
  constructor(
    readonly node: NodeId,
    options?: ErrorOptions,
  ) {
    const why = options?.cause instanceof Error ? `: ${options.cause.message}` : '';
    super(`the thread of consensus of node ${node} has ended, start the node anew${why}`, options);
  }
}
