import type { Mutant } from './mutant.ts';

/** The disk, and the state machine. */
export const disk: readonly Mutant[] = [
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
