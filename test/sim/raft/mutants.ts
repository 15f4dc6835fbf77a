import type { Mistake } from '../mistake.ts';

/**
 * Mistakes that others have made, put into a copy of the compiled core. Each is one that a mature
 * implementation had and mended, named by where it was told; the simulator has to find it.
 */
export interface Mutant extends Mistake {
  /** The public report of it, or the section that warns of it. */
  readonly seen: string;
  /** Found by a campaign, if at all; `regression.test.ts` of the package has it too. */
  readonly isRare?: boolean;
}

/** Lines of the body of a function, as the compiler indents them. */
function lines(...text: readonly string[]): string {
  return text.join('\n    ');
}

const elections: readonly Mutant[] = [
  {
    name: 'a vote is said before it is on disk',
    seen: 'hashicorp/raft#661, tikv#1610',
    file: 'election.js',
    find: "promise(self, { type: 'vote-reply'",
    replace: "send(self, { type: 'vote-reply'",
  },
  {
    name: 'a candidacy is said before it is on disk',
    seen: 'hashicorp/raft#661',
    file: 'election.js',
    find: "promise(self, { type: 'vote',",
    replace: "send(self, { type: 'vote',",
  },
  {
    name: 'stepping down forgets the vote of the term',
    seen: 'CCF#8094, CCF#8091',
    file: 'role.js',
    find: 'self.leading = undefined;',
    replace: 'self.leading = undefined; self.votedFor = undefined;',
  },
  {
    name: 'a vote of an earlier term counts',
    seen: 'little-raft#44',
    file: 'step.js',
    find: 'if (term < self.term) {',
    replace:
      "if (type === 'vote-reply' && term < self.term) return true;\n    if (term < self.term) {",
  },
  {
    name: 'a vote that comes twice counts for somebody else too',
    seen: 'xraft#27',
    file: 'election.js',
    find: 'has(from) || self.votes.has(from))\n        return;',
    replace: lines(
      'has(from)) return;',
      'if (self.votes.has(from)) from = votersBut(self).find((id) => !self.votes.has(id));',
    ),
  },
  {
    name: 'logs are compared by length alone',
    isRare: true,
    seen: 'openraft a48a3282',
    file: 'entry.js',
    find: 'theirs.term === ours.term ? theirs.index >= ours.index : theirs.term > ours.term;',
    replace: 'theirs.index >= ours.index;',
  },
  {
    name: 'logs are compared by term alone',
    seen: 'openraft a48a3282',
    file: 'entry.js',
    find: 'theirs.term === ours.term ? theirs.index >= ours.index : theirs.term > ours.term;',
    replace: 'theirs.term >= ours.term;',
  },
  {
    name: 'an answer to a pre-vote counts in the election',
    seen: 'openraft 511f33c7, ra bbd00102',
    file: 'election.js',
    find: lines(
      "if (self.role !== 'pre-candidate')",
      '    return;',
      'if (granted && term !== self.term + 1)',
      '    return;',
    ),
    replace: lines("if (self.role === 'follower' || self.role === 'leader')", '    return;'),
  },
  {
    name: 'one who lives in a later term is not heard',
    isRare: true,
    seen: 'raft-rs#83, raft-rs#84, openraft#1796',
    file: 'outbox.js',
    find: "send(self, { type: 'stale-term', to });",
    replace: '',
  },
  {
    name: 'a vote is given to everybody who asks',
    seen: 'Raft §5.2',
    file: 'election.js',
    find: 'self.votedFor === undefined ? self.leader === undefined : self.votedFor === to;',
    replace: 'true;',
  },
  {
    name: 'half of the voters are a majority',
    seen: 'openraft d60f1e85',
    file: 'quorum.js',
    find: 'return 2 * count > voters.length;',
    replace: 'return 2 * count >= voters.length;',
  },
  {
    name: 'one who is not yet known to be a voter cannot win',
    isRare: true,
    seen: 'etcd#10998',
    file: 'election.js',
    find: 'const granted = free &&',
    replace: 'const granted = free && votersBut(self).includes(to) &&',
  },
  {
    name: 'the one whose removal is in its own log does not stand',
    isRare: true,
    seen: 'thesis §4.2.2',
    file: 'state.js',
    find: 'const from = uncommitted === -1 ? -1 : Math.max(0, uncommitted - 1);',
    replace: 'const from = -1 - 0 * uncommitted;',
  },
];

const replication: readonly Mutant[] = [
  {
    name: 'an entry of an earlier term is committed by counting',
    seen: 'Raft §5.4.2, Figure 8',
    file: 'commit.js',
    find: 'termAt(self.log, index) !== self.term',
    replace: 'termAt(self.log, index) === undefined',
  },
  {
    name: 'a late message truncates what came after it',
    seen: 'openraft 9540c904',
    file: 'follower.js',
    find: 'const unknown = entries.findIndex(({ index, term }) => termAt(log, index) !== term);',
    replace: 'const unknown = entries.length === 0 ? -1 : 0;',
  },
  {
    name: 'a hint counts as an acknowledgement',
    isRare: true,
    seen: 'CCF suffix_collision.3, ackuracy',
    file: 'replication.js',
    find: 'probe(progress, Math.min(index + 1, rejected));',
    replace: 'progress.match = Math.max(progress.match, index); probe(progress, index + 1);',
  },
  {
    name: 'an acknowledgement of an earlier term counts',
    isRare: true,
    seen: 'openraft cecb5de8, fbbf37b1',
    file: 'step.js',
    find: 'if (term < self.term) {',
    replace:
      "if (type === 'append-reply' && term < self.term) return true;\n    if (term < self.term) {",
  },
  {
    name: 'the disk answers for entries that were overwritten',
    seen: 'ra 39490978, etcd raft async_storage_writes_append_aba_race',
    file: 'own-log.js',
    find: 'pending.last = Math.min(pending.last, log.last);',
    replace: 'pending.last = pending.last;',
  },
  {
    name: 'a leader counts itself before its own disk',
    seen: 'etcd#14370',
    file: 'commit.js',
    find: 'self.log.durable',
    replace: 'self.log.last',
  },
  {
    name: 'a follower acknowledges before its own disk',
    seen: 'etcd raft TestLeaderMsgAppSelfAckAfterTermChange',
    file: 'follower.js',
    find: "promise(self, { type: 'append-reply', to: message.from, match });",
    replace: "send(self, { type: 'append-reply', to: message.from, match });",
  },
  {
    name: 'a heartbeat commits what the follower may not have',
    seen: 'openraft#1500',
    file: 'reads.js',
    find: 'commit: Math.min(match, self.commit),',
    replace: 'commit: self.commit,',
  },
  {
    name: 'bytes in flight are never given back',
    seen: 'raft-rs e419ba5',
    file: 'progress.js',
    find: 'progress.inflightBytes -= bytes;',
    replace: '',
  },
  {
    name: 'a full pipeline asks nothing any more',
    seen: 'etcd#14633',
    file: 'replication.js',
    find: 'if (progress.verify || progress.sentCommit < self.commit)',
    replace: 'if (!isFull(self, progress) && progress.sentCommit < self.commit)',
  },
  {
    name: 'the entry before the log is asked for its term',
    isRare: true,
    seen: 'etcd raft#31',
    file: 'replication.js',
    find: 'if (progress.next <= self.log.base.index) {',
    replace: 'if (progress.next < self.log.base.index) {',
  },
  {
    name: 'a majority is one less',
    seen: 'openraft#1802, openraft d60f1e85',
    file: 'quorum.js',
    find: 'sorted[voters.length >> 1]',
    replace: 'sorted[(voters.length - 1) >> 1]',
  },
  {
    name: 'learners count',
    seen: 'openraft a10d9906',
    file: 'quorum.js',
    find: 'export function quorumIndex({ voters, outgoing }, matchOf) {',
    replace: lines(
      'export function quorumIndex({ voters, outgoing, learners }, matchOf) {',
      'const best = [...voters, ...learners].sort((a, b) => matchOf(b) - matchOf(a));',
      'voters = best.slice(0, voters.length);',
    ),
  },
  {
    name: 'what did not fit into one batch is taken for applied',
    seen: 'etcd raft 8ecce32, 2e0653d',
    file: 'disk.js',
    find: 'self.applying = entries?.at(-1)?.index ??',
    replace: 'self.applying = to ??',
  },
  {
    name: 'a leader without a quorum takes commands for ever',
    seen: 'etcd raft a370b6f',
    file: 'raft.js',
    find: 'bytes > settings.uncommittedBytesMax',
    replace: 'bytes > Infinity',
  },
  {
    name: 'a rejection leads nowhere',
    isRare: true,
    seen: 'openraft 6d53aa12',
    file: 'replication.js',
    find: 'probe(progress, Math.min(index + 1, rejected));',
    replace: 'probe(progress, rejected + 1);',
  },
];

const snapshots: readonly Mutant[] = [
  {
    name: 'an entry that conflicts with a snapshot is kept',
    seen: 'hashicorp/raft#697, hashicorp/raft#704, camunda#10202',
    file: 'snapshot-receiver.js',
    find: 'termAt(self.log, index) !== term',
    replace: 'self.log.last < index',
  },
  {
    name: 'an old snapshot replaces a newer log',
    isRare: true,
    seen: 'camunda#6092, openraft#1892',
    file: 'snapshot-receiver.js',
    find: 'if (!isSuperfluous(self, leader, snapshot))',
    replace: 'if (true || isSuperfluous)',
  },
  {
    name: 'a snapshot is restored while entries are applied',
    seen: 'openraft eed681d5, NuRaft#407, etcd#18055',
    file: 'disk.js',
    find: 'if (self.applying > self.applied)\n        return undefined;',
    replace: '',
  },
  {
    name: 'one who has the snapshot gets nothing more',
    seen: 'etcd#10308',
    file: 'replication.js',
    find: 'if (isAnswer || isInstalled)',
    replace: 'if (isAnswer)',
  },
  {
    name: 'members are lost when the log is compacted twice',
    seen: 'openraft dba24036',
    file: 'compaction.js',
    find: 'configuration: configurationAt(self, index)',
    replace: 'configuration: self.configurations.at(-1).configuration',
  },
  {
    name: 'members stay as they were when a snapshot is installed',
    isRare: true,
    seen: 'openraft 01e813a5',
    file: 'snapshot-receiver.js',
    find: 'self.configurations = [{ index, configuration }];',
    replace: '',
  },
  {
    name: 'a log that is compacted to its end serves nobody',
    seen: 'openraft afd6508b',
    file: 'log.js',
    find: 'if (index === log.base.index)\n        return log.base.term;',
    replace: 'if (index === log.base.index && log.last > index)\n        return log.base.term;',
  },
  {
    name: 'a snapshot is acknowledged before it is on disk',
    seen: 'etcd#10308',
    file: 'snapshot-receiver.js',
    find: "promise(self, { type: 'append-reply', to: leader, match: index });",
    replace: "send(self, { type: 'append-reply', to: leader, match: index });",
  },
];

const membership: readonly Mutant[] = [
  {
    name: 'members are changed before the term has committed anything',
    seen: 'Ongaro, raft-dev, July 2015; copycat#23, sorock#60',
    file: 'membership.js',
    find: "if (!isSettled(self, leadingOf(self)))\n        return 'term-not-settled';",
    replace: '',
  },
  {
    name: 'members are changed while a change is not committed',
    seen: 'thesis §4.1',
    file: 'membership.js',
    find: 'return index > self.commit || isJoint(configuration)',
    replace: 'return isJoint(configuration)',
  },
  {
    name: 'a joint change is left before it is committed',
    seen: 'etcd raft bd3c759',
    file: 'membership.js',
    find: 'if (index > self.commit || !isSettled(self, leadingOf(self)))',
    replace: 'if (!isSettled(self, leadingOf(self)))',
  },
  {
    name: 'a joint change is forgotten by the next leader',
    seen: 'etcd raft e515a67, openraft 6c0ccaf3',
    file: 'membership.js',
    find: 'if (isJoint(configuration))\n        addC',
    replace: 'if (isJoint(configuration) && index >= self.leading.termStart)\n        addC',
  },
  {
    name: 'one half decides for both',
    seen: 'Raft §6',
    file: 'quorum.js',
    find: '&& (outgoing.length === 0 || isMajority(outgoing, has))',
    replace: '&& (true || outgoing)',
  },
  {
    name: 'members stay when the entry that made them goes',
    isRare: true,
    seen: 'ra 82e5ca2f, ra bb04b866, CCF retirement_rollback',
    file: 'own-log.js',
    find: '>= index)\n        configurations.pop();',
    replace: '> index + 1e9)\n        configurations.pop();',
  },
  {
    name: 'members change only when that is committed',
    seen: 'etcd raft#456',
    file: 'state.js',
    find: 'const latest = configurations.at(-1);',
    replace: 'const latest = configurations.findLast((it) => it.index <= arguments[0].commit);',
  },
  {
    name: 'a removed leader counts itself',
    isRare: true,
    seen: 'etcd raft confchange_v1_remove_leader',
    file: 'commit.js',
    find: 'const index = quorumIndex(configurationOf(self), ',
    replace: lines(
      'const all = { ...configurationOf(self) };',
      'if (!all.voters.includes(self.id)) all.voters = [...all.voters.slice(1), self.id];',
      'const index = quorumIndex(all, ',
    ),
  },
  {
    name: 'a removed leader stays',
    seen: 'etcd raft confchange_v1_remove_leader_stepdown',
    file: 'membership.js',
    find: 'resign(self, configuration);',
    replace: 'void resign;',
  },
  {
    name: 'one who was removed deposes leaders',
    seen: 'etcd raft TestDisruptiveFollower, hashicorp/raft VoteNotGranted_WhenNodeNotInCluster',
    file: 'step.js',
    find: "if (type === 'vote' && !message.transfer && isLed(self))\n        return false;",
    replace: '',
  },
];

const reads: readonly Mutant[] = [
  {
    name: 'a new leader reads before it knows what is committed',
    seen: 'etcd#7331, redisraft#22, tikv#1634',
    file: 'reads.js',
    find: 'return self.commit >= leading.termStart;',
    replace: 'return true || leading;',
  },
  {
    name: 'an old heartbeat confirms a new read',
    isRare: true,
    seen: 'etcd raft#397, etcd#20418',
    file: 'replication.js',
    find: 'progress.ackedRound = Math.max(progress.ackedRound, round);',
    replace: 'progress.ackedRound = leading.round;',
  },
  {
    name: 'reads are answered without asking anybody',
    isRare: true,
    seen: 'Jepsen: Redis-Raft 1b3fbf6',
    file: 'reads.js',
    find: 'const alone = isQuorum(configurationOf(self), (id) => id === self.id);\n    if (index',
    replace: 'const alone = true;\n    if (index',
  },
  {
    name: 'a lease outlives the hand-over of the leadership',
    isRare: true,
    seen: 'raft-rs#234, etcd raft#99, openraft#1747',
    file: 'reads.js',
    find: '!leaseReads || leading.leaseVoid || leading.transfer !== undefined',
    replace: '!leaseReads',
  },
  {
    name: 'a lease is as long as an election takes, and begins with the answer',
    isRare: true,
    seen: 'thesis §6.4.1',
    file: 'reads.js',
    find: 'self.tick < spoke + electionTicks - leaseMarginTicks',
    replace: 'self.tick < spoke + 2 * electionTicks + 0 * leaseMarginTicks',
  },
  {
    name: 'a voter forgets, by starting again, whom it has promised peace',
    isRare: true,
    seen: 'thesis §6.4.1',
    file: 'start.js',
    find: 'settings.leaseReads && options.durable !== undefined ? 0 :',
    replace: '',
  },
  {
    name: 'the only member answers at once after a restart',
    isRare: true,
    seen: 'etcd raft#105',
    file: 'reads.js',
    find: 'if (index !== undefined && (alone ||',
    replace: lines(
      'if (alone) return answer(self, read, self.commit), "taken";',
      'if (index !== undefined && (alone ||',
    ),
  },
  {
    name: 'reads wait for ever when the leadership is lost',
    seen: 'openraft#1761, restate#2950',
    file: 'role.js',
    find: "self.out.reads.push({ context, outcome: 'lost' });",
    replace: 'continue;',
  },
];

const disk: readonly Mutant[] = [
  {
    name: 'entries are on disk before their term is',
    seen: 'openraft docs, io_ordering',
    file: 'disk.js',
    find: 'hardState: isNews ? hardState : undefined,',
    replace: 'hardState: isNews && entries.length === 0 ? hardState : undefined,',
  },
  {
    name: 'answers of the disk that come out of order are mixed up',
    seen: 'openraft 2af491fb',
    file: 'disk.js',
    find: 'log.durable = Math.max(log.durable, last.last);',
    replace: 'log.durable = Math.max(log.durable, last.last, log.last);',
  },
  {
    name: 'what is not on this disk is applied',
    seen: 'ra ffe3016a',
    file: 'disk.js',
    find: 'const to = Math.min(self.commit, log.durable);',
    replace: 'const to = self.commit;',
  },
  {
    name: 'a vote is not worth a sync',
    seen: 'etcd raft 0675f3d, tikv#1610',
    file: 'disk.js',
    find: 'mustSync: isUrgent,',
    replace: 'mustSync: entries.length > 0,',
  },
];

export const mutants: readonly Mutant[] = [
  ...elections,
  ...replication,
  ...snapshots,
  ...membership,
  ...reads,
  ...disk,
];
