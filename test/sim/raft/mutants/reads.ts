import { lines, type Mutant } from './mutant.ts';

/** Reads and leases. */
export const reads: readonly Mutant[] = [
  {
    name: 'a new leader reads before it knows what is committed',
    theme: 'leases',
    seen: 'etcd#7331, redisraft#22, tikv#1634',
    file: 'reads.js',
    find: 'return self.commit >= leading.termStart;',
    replace: 'return true || leading;',
  },
  {
    name: 'an old heartbeat confirms a new read',
    theme: 'leases',
    seen: 'etcd raft#397, etcd#20418',
    file: 'replication.js',
    find: 'progress.ackedRound = Math.max(progress.ackedRound, round);',
    replace: 'progress.ackedRound = leading.round;',
  },
  {
    name: 'reads are answered without asking anybody',
    theme: 'leases',
    seen: 'Jepsen: Redis-Raft 1b3fbf6',
    file: 'reads.js',
    find: 'const alone = isQuorum(configurationOf(self), (id) => id === self.id);\n    if (index',
    replace: 'const alone = true;\n    if (index',
  },
  {
    name: 'a lease outlives the hand-over of the leadership',
    theme: 'leases',
    seen: 'raft-rs#234, etcd raft#99, openraft#1747',
    file: 'reads.js',
    find: '!leaseReads || leading.leaseVoid || leading.transfer !== undefined',
    replace: '!leaseReads',
  },
  {
    name: 'a lease begins with the answer',
    theme: 'leases',
    seen: 'thesis §6.4.1',
    file: 'reads.js',
    find: 'leading.rounds.findLast(({ round }) => round <= confirmed)?.tick;',
    replace: lines(
      'quorumIndex(configurationOf(self), (id) => id === self.id ? self.tick',
      '    : leading.progress.get(id).heardTick) + 0 * confirmed;',
    ),
  },
  {
    name: 'a voter forgets, by starting again, whom it has promised peace',
    theme: 'leases',
    seen: 'thesis §6.4.1',
    file: 'start.js',
    find: 'settings.leaseReads && options.durable !== undefined ? 0 :',
    replace: '',
  },
  {
    name: 'who is asked to stand breaks the peace that a lease rests on',
    theme: 'leases',
    seen: 'found by this simulator',
    file: 'raft.js',
    find: '!isPromised',
    replace: '(true || isPromised)',
  },
  {
    name: 'the only member answers at once after a restart',
    theme: 'alone',
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
