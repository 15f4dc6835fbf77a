import {
  checkOptions,
  ELSEWHERE,
  fitting,
  hasMethods,
  type OptionCheck,
} from '@troupe/actor/internal';
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

const THREAD_OPTIONS: Readonly<Record<keyof ConsensusThreadOptions, OptionCheck>> = {
  listen: fitting((value) => typeof value === 'string', "give an address, such as '0.0.0.0:0'"),
  handOverAfterMs: fitting(
    (value) => typeof value === 'number' && value > 0,
    'give milliseconds, more than 0',
  ),
};

/** How large they may be, the log itself says. */
const LOG_OPTIONS: Readonly<Record<keyof LogTuning, OptionCheck>> = {
  reserveBytes: ELSEWHERE,
  segmentBytes: ELSEWHERE,
  batchBytesMax: ELSEWHERE,
  sparesMax: ELSEWHERE,
  sealAfterMs: ELSEWHERE,
};

const CONSENSUS_OPTIONS: Readonly<Record<keyof ConsensusOptions, OptionCheck>> = {
  voters: checkVoters,
  store: fitting(
    (value) => hasMethods(value, ['append']),
    'give a LogStore, such as new MemoryStore()',
  ),
  log: (option, value) => checkOptions(option, value, LOG_OPTIONS),
  tickMs: fitting(
    (value) => typeof value === 'number' && Number.isFinite(value) && value > 0,
    'give milliseconds, more than 0',
  ),
  thread: (option, value) => {
    if (typeof value === 'object') return checkOptions(option, value, THREAD_OPTIONS);
    if (typeof value === 'boolean') return;
    throw new BadOption(option, value, 'give true, false, or its options');
  },
};

/** @throws {BadOption} when one of them makes no sense */
export function checkConsensus(option: string, options: unknown): void {
  checkOptions(option, options, CONSENSUS_OPTIONS);
}

function checkVoters(option: string, voters: unknown): void {
  if (!Array.isArray(voters)) {
    throw new BadOption(option, voters, 'give a list of names of nodes');
  }
  for (const [at, voter] of voters.entries()) {
    const advice = 'give the name of a node, each of them once';
    const isName = typeof voter === 'string' && NODE_NAME.test(voter);
    if (isName && voters.indexOf(voter) === at) continue;
    throw new BadOption(`${option}[${at}]`, voter, advice);
  }
}
