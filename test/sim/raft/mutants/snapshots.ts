import { lines, type Mutant } from './mutant.ts';

/** Snapshots and compaction. */
export const snapshots: readonly Mutant[] = [
  {
    name: 'an entry that conflicts with a snapshot is kept',
    firstSeed: 61,
    theme: 'snapshots',
    seen: 'hashicorp/raft#697, hashicorp/raft#704, camunda#10202',
    file: 'snapshot-receiver.js',
    find: 'termAt(log, index) === term',
    replace: 'log.last >= index',
  },
  {
    name: 'an old snapshot replaces a newer log',
    firstSeed: 100_001,
    theme: 'snapshots',
    seen: 'camunda#6092, openraft#1892',
    file: 'snapshot-receiver.js',
    find: lines(
      'if (isSuperfluous(self, leader, snapshot))',
      '    return;',
      'if (isInLog(self, snapshot))',
    ),
    replace: 'if (self.bereft && isInLog(self, snapshot))',
  },
  {
    name: 'a snapshot is restored while entries are applied',
    seen: 'openraft eed681d5, NuRaft#407, etcd#18055',
    file: 'disk.js',
    find: 'if (self.bereft || self.applying > self.applied)',
    replace: 'if (self.bereft)',
  },
  {
    name: 'one who has the snapshot gets nothing more',
    theme: 'snapshots',
    seen: 'etcd#10308',
    file: 'replication.js',
    find: 'if (isAnswer || isInstalled)',
    replace: 'if (isAnswer)',
  },
  {
    name: 'members are lost when the log is compacted twice',
    theme: 'snapshots',
    seen: 'openraft dba24036',
    file: 'compaction.js',
    find: 'configuration: configurationAt(self, index)',
    replace: 'configuration: self.configurations.at(-1).configuration',
  },
  {
    name: 'members stay as they were when a snapshot is installed',
    theme: 'snapshots',
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
    theme: 'snapshots',
    seen: 'etcd#10308',
    file: 'snapshot-receiver.js',
    find: "promise(self, { type: 'append-reply', to: leader, match: index });",
    replace: "send(self, { type: 'append-reply', to: leader, match: index });",
  },
  {
    name: 'a newer snapshot takes the place of the one on its way',
    theme: 'snapshots',
    seen: 'ClickHouse/NuRaft#118',
    file: 'replication.js',
    find: 'return sendChunks(self, to, progress);',
    replace:
      'return progress.transfer.snapshot.id.startsWith(self.snapshot.id)' +
      ' ? sendChunks(self, to, progress) : beginSnapshot(self, to, progress);',
  },
];
