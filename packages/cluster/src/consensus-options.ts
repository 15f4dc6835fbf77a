import { BadOption, type LogStore, type LogTuning } from '@troupe/consensus';
import { NODE_NAME } from './member.ts';

/** How the groups of a node are run. */
export interface ConsensusOptions {
  /**
   * Names of the nodes that begin a new group together, the same on each of them. Default: this
   * node alone when it joins nobody, and otherwise none: it waits to be added by
   * `changeMembers([{ add: name }])`.
   */
  readonly voters?: readonly string[];
  /**
   * Where groups are saved instead of `data`; the node closes it. `new MemoryStore()` is for nodes
   * that never come back under their name: it forgets their votes.
   */
  readonly store?: LogStore;
  /**
   * How the log in `data` uses its disk: the size of its files, and of the reserve that is given up
   * when the disk is full. Default: as `LogTuning` says, which does for most.
   */
  readonly log?: LogTuning;
  /**
   * Milliseconds of a tick, which is how often leaders say that they are there; 10 to 20 ticks
   * without a word make an election. Default: 30.
   */
  readonly tickMs?: number;
  /**
   * Run the groups on a thread of their own: what blocks the main loop costs this node no lead, and
   * others no time. State machines stay on the main loop, so commands and reads made here wait for
   * it. It listens on a port of its own, which the other nodes are told of. Default: true for a
   * node that keeps them in `data` and takes connections at `listen`; false where `advertise` or
   * `transport` says how it is reached, or `store` where they are kept, and for a node by itself.
   */
  readonly thread?: boolean | ConsensusThreadOptions;
}

/** How the thread of a node's groups is run. */
export interface ConsensusThreadOptions {
  /**
   * Where it takes lines from other nodes, `host:port` or `unix:/path`, such as a port that a
   * firewall lets through. Default: as the node, on any free port, or at a path of its own.
   */
  readonly listen?: string;
  /**
   * Milliseconds for which the main loop may stand still before others are let lead in place of
   * this node. Default: 10,000.
   */
  readonly handOverAfterMs?: number;
}

/** @throws {BadOption} when one of them makes no sense */
export function checkConsensus({ voters, store, log, ...rest }: ConsensusOptions): void {
  const { tickMs, thread } = rest;
  if (voters !== undefined) checkVoters(voters);
  if (log !== undefined && (typeof log !== 'object' || log === null)) {
    throw new BadOption('consensus.log', log, 'give options, such as { reserveBytes: 0 }');
  }
  checkThread(thread);
  if (tickMs !== undefined && !(Number.isFinite(tickMs) && tickMs > 0)) {
    throw new BadOption('consensus.tickMs', tickMs, 'give milliseconds, more than 0');
  }
  if (store === undefined || typeof store?.append === 'function') return;
  throw new BadOption('consensus.store', store, 'give a LogStore, such as new MemoryStore()');
}

function checkVoters(voters: readonly string[]): void {
  if (!Array.isArray(voters)) {
    throw new BadOption('consensus.voters', voters, 'give a list of names of nodes');
  }
  for (const [at, voter] of voters.entries()) {
    const advice = 'give the name of a node, each of them once';
    const isName = typeof voter === 'string' && NODE_NAME.test(voter);
    if (isName && voters.indexOf(voter) === at) continue;
    throw new BadOption(`consensus.voters[${at}]`, voter, advice);
  }
}

function checkThread(thread: ConsensusOptions['thread'] = false): void {
  const isOptions = typeof thread === 'object' && thread !== null;
  if (!isOptions && typeof thread !== 'boolean') {
    throw new BadOption('consensus.thread', thread, 'give true, false, or its options');
  }
  const { listen, handOverAfterMs = Infinity } = isOptions ? thread : {};
  if (listen !== undefined && typeof listen !== 'string') {
    throw new BadOption('consensus.thread.listen', listen, "give an address, such as '0.0.0.0:0'");
  }
  if (typeof handOverAfterMs === 'number' && handOverAfterMs > 0) return;
  const rule = 'give milliseconds, more than 0';
  throw new BadOption('consensus.thread.handOverAfterMs', handOverAfterMs, rule);
}
