/** A bug that mature implementations had, and what would find it here. */
export interface KnownBug {
  readonly what: string;
  /** How the titles of its tests begin, in packages/raft, packages/consensus or here. */
  readonly tests: readonly [string, ...string[]];
  /** The mutants of the core, and the mistakes of its driver, that the simulator finds. */
  readonly mutants: readonly [string, ...string[]];
}

/** In the order of Raft's paper: elections, replication, snapshots, members, reads, disks. */
export const knownBugs: readonly KnownBug[] = [
  {
    what: 'an entry of an earlier term is committed by counting replicas',
    tests: ['§5.4.2 only an entry of its own term'],
    mutants: ['an entry of an earlier term is committed by counting'],
  },
  {
    what: 'term and vote are two writes, or come after the answer',
    tests: ['hashicorp/raft#661', 'tikv#1610'],
    mutants: [
      'a vote is said before it is on disk',
      'a candidacy is said before it is on disk',
      'a vote is in a file of its own, which is not synced',
      'messages leave before the disk has their record',
    ],
  },
  {
    what: 'stepping down in a term clears its vote',
    tests: ['CCF#8094'],
    mutants: ['stepping down forgets the vote of the term'],
  },
  {
    what: 'a vote of an earlier term is counted',
    tests: ['little-raft#44'],
    mutants: ['a vote of an earlier term counts'],
  },
  {
    what: 'a vote that comes twice is two votes',
    tests: ['xraft#27'],
    mutants: ['a vote that comes twice counts for somebody else too'],
  },
  {
    what: 'logs are not compared by term first and index then',
    tests: ['§5.4.1 a voter refuses'],
    mutants: ['logs are compared by length alone', 'logs are compared by term alone'],
  },
  {
    what: 'a pre-vote changes something, or is answered too late',
    tests: ['ra bbd00102', 'openraft 511f33c7', 'thesis §9.6'],
    mutants: [
      'being asked for a pre-vote makes patient',
      'an answer to a pre-vote counts in the election',
    ],
  },
  {
    what: 'pre-vote and check-quorum keep a node of a later term out for ever',
    tests: ['raft-rs#83', 'openraft#1796'],
    mutants: [
      'one who lives in a later term is not heard',
      'a candidate that is refused for its term waits as long as before',
    ],
  },
  {
    what: 'a partial partition stops the group',
    tests: ['Howard & Abraham 2020: one link', 'Howard & Abraham 2020: a leader'],
    mutants: ['a leader that nobody answers stays', 'one who was removed deposes leaders'],
  },
  {
    what: 'one who does not know yet that it votes does not vote',
    tests: ['etcd#10998'],
    mutants: ['one who is not yet known to be a voter cannot win'],
  },
  {
    what: 'a node stands by other members than those in its log',
    tests: ['etcd raft#456', 'thesis §4.2.2'],
    mutants: [
      'members change only when that is committed',
      'the one whose removal is in its own log does not stand',
    ],
  },
  {
    what: 'a node whose disk was wiped comes back under its name',
    tests: ['etcd raft doc.go, tikv#9579', 'a disk that has lost committed entries is refused'],
    mutants: ['a wiped disk comes back under its old name'],
  },
  {
    what: 'a follower commits what no message has verified',
    tests: ['copycat#265, ra#508'],
    mutants: ['a follower commits what it has of the commit, whoever wrote it'],
  },
  {
    what: 'an old message truncates what came after it',
    tests: ['openraft 9540c904'],
    mutants: ['a late message truncates what came after it'],
  },
  {
    what: 'the index of a rejection counts as matched',
    tests: ['CCF suffix_collision'],
    mutants: ['a hint counts as an acknowledgement'],
  },
  {
    what: 'an acknowledgement of an earlier stream counts',
    tests: ['openraft cecb5de8'],
    mutants: ['an acknowledgement of an earlier term counts'],
  },
  {
    what: 'what the disk says of overwritten entries counts for the new ones',
    tests: ['ra 39490978', 'trace: async storage aba'],
    mutants: ['the disk answers for entries that were overwritten'],
  },
  {
    what: 'a leader acknowledges to itself before its disk, or across terms',
    tests: ['etcd#14370', 'etcd raft TestLeaderMsgAppSelfAckAfterTermChange'],
    mutants: [
      'a leader counts itself before its own disk',
      'a follower acknowledges before its own disk',
    ],
  },
  {
    what: 'a heartbeat commits more than is matched',
    tests: ['openraft#1500'],
    mutants: ['a heartbeat commits what the follower may not have'],
  },
  {
    what: 'what is in flight is never given back, or a full pipeline asks nothing',
    tests: ['raft-rs e419ba5', 'etcd#14633'],
    mutants: ['bytes in flight are never given back', 'a full pipeline asks nothing any more'],
  },
  {
    what: 'the log is compacted under a follower that needs it',
    tests: ['etcd raft#31'],
    mutants: ['the entry before the log is asked for its term'],
  },
  {
    what: 'short cuts in the arithmetic of quorums',
    tests: ['the quorum index is the largest', '§6 learners'],
    mutants: ['half of the voters are a majority', 'a majority is one less', 'learners count'],
  },
  {
    what: 'a page of what is to be applied is lost, or ends the rest',
    tests: ['etcd raft 8ecce32'],
    mutants: ['what did not fit into one batch is taken for applied'],
  },
  {
    what: 'a leader without a quorum takes commands without bound',
    tests: ['etcd raft a370b6f'],
    mutants: ['a leader without a quorum takes commands for ever'],
  },
  {
    what: 'many conflicts live-lock',
    tests: ['openraft 6d53aa12', 'trace: figure 7'],
    mutants: ['a rejection leads nowhere'],
  },
  {
    what: 'an entry that conflicts with a snapshot survives it',
    tests: ['hashicorp/raft#697'],
    mutants: ['an entry that conflicts with a snapshot is kept'],
  },
  {
    what: 'a snapshot that is behind the log truncates it',
    tests: ['camunda#6092', '§7 a follower that has the last entry'],
    mutants: ['an old snapshot replaces a newer log'],
  },
  {
    what: 'a snapshot is installed while entries are applied',
    tests: ['openraft eed681d5'],
    mutants: ['a snapshot is restored while entries are applied'],
  },
  {
    what: 'one who has installed a snapshot is sent nothing more',
    tests: ['etcd#10308'],
    mutants: [
      'one who has the snapshot gets nothing more',
      'a snapshot is acknowledged before it is on disk',
    ],
  },
  {
    what: 'a transfer begins again with each newer snapshot',
    tests: ['ClickHouse/NuRaft#118'],
    mutants: ['a newer snapshot takes the place of the one on its way'],
  },
  {
    what: 'members are lost by compaction, or not reset by a snapshot',
    tests: ['openraft dba24036', 'openraft 01e813a5'],
    mutants: [
      'members are lost when the log is compacted twice',
      'members stay as they were when a snapshot is installed',
    ],
  },
  {
    what: 'a leader whose log is compacted to its end serves nobody',
    tests: ['openraft afd6508b'],
    mutants: ['a log that is compacted to its end serves nobody'],
  },
  {
    what: 'members change before the term has committed anything',
    tests: ['Ongaro, raft-dev, July 2015'],
    mutants: ['members are changed before the term has committed anything'],
  },
  {
    what: 'a joint change is left twice, too early, or never',
    tests: ['etcd raft bd3c759, e515a67'],
    mutants: [
      'a joint change is left before it is committed',
      'a joint change is forgotten by the next leader',
    ],
  },
  {
    what: 'members outlive the entry that made them',
    tests: ['ra 82e5ca2f', 'trace: change reverted'],
    mutants: ['members stay when the entry that made them goes'],
  },
  {
    what: 'a removed leader counts itself, a removed node disturbs',
    tests: ['etcd raft confchange_v1_remove_leader', 'etcd raft TestDisruptiveFollower'],
    mutants: [
      'a removed leader counts itself',
      'a removed leader stays',
      'one who was removed deposes leaders',
    ],
  },
  {
    what: 'an heir that is removed, behind or late is elected',
    tests: ['etcd raft TestLeaderTransferRemoveNode', 'openraft d000ee20'],
    mutants: [
      'an heir is told to stand before it has everything',
      'an heir of an earlier term stands',
    ],
  },
  {
    what: 'a new leader reads before it knows what is committed',
    tests: ['etcd#7331, redisraft#22'],
    mutants: ['a new leader reads before it knows what is committed'],
  },
  {
    what: 'a late answer to a heartbeat confirms a later read',
    tests: ['etcd raft#397'],
    mutants: ['an old heartbeat confirms a new read', 'reads are answered without asking anybody'],
  },
  {
    what: 'a lease outlives a hand-over',
    tests: ['raft-rs#234, etcd raft#99'],
    mutants: ['a lease outlives the hand-over of the leadership', 'a lease begins with the answer'],
  },
  {
    what: 'the only member answers too early after a restart',
    tests: ['etcd raft#105'],
    mutants: ['the only member answers at once after a restart'],
  },
  {
    what: 'an entry is on disk before its term',
    tests: ['openraft docs, io_ordering'],
    mutants: ['entries are on disk before their term is'],
  },
  {
    what: 'answers of the disk that come out of order lose progress',
    tests: ['openraft 2af491fb'],
    mutants: ['answers of the disk that come out of order are mixed up'],
  },
  {
    what: 'what is applied and the state that it made are not one',
    tests: ['etcd#13766: a restart', 'etcd#13766: a state'],
    mutants: ['what is committed is taken for applied'],
  },
  {
    what: 'what is not on this disk is taken for applied',
    tests: ['ra ffe3016a'],
    mutants: ['what is not on this disk is applied'],
  },
  {
    what: 'a torn tail is taken for damage, or damage for a torn tail',
    tests: [
      'a damaged log is told from one that was cut off',
      'a bit that turns over anywhere in a closed log',
      'Protocol-Aware Recovery: a damaged node',
    ],
    mutants: [
      'a damaged disk is taken for a short one',
      'a node that has lost some of its log votes',
      'a leader is to make good what it takes for done',
    ],
  },
  {
    what: 'a failed sync is tried again, or passed over',
    tests: ['a sync that fails is not tried again', 'a sync, a write or a name that fails'],
    mutants: ['a failed sync is taken for a good one'],
  },
  {
    what: 'a gap in the log goes unnoticed',
    tests: ['a segment that is missing is noticed'],
    mutants: ['the disk keeps what is behind a gap'],
  },
  {
    what: 'what must be synced is not, or what need not be is',
    tests: ['tikv#1610', 'etcd raft 0675f3d', 'a record that need not be synced'],
    mutants: ['a vote is not worth a sync'],
  },
  {
    what: 'who waits hangs, or is told a failure that is none, when the leader goes',
    tests: ['openraft#1761, restate#2950'],
    mutants: [
      'reads wait for ever when the leadership is lost',
      'whoever waits for an index gets its entry',
    ],
  },
  {
    what: 'a leader that was stalled acts on what is over',
    tests: ['etcd#15247'],
    mutants: ['a leader whose disk does not answer stays', 'a pause is not made up for'],
  },
];
