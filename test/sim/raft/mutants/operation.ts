import type { Mutant } from './mutant.ts';

/** What operators and drivers ask for while a node runs. */
export const operation: readonly Mutant[] = [
  {
    name: 'members are changed though they are not those that were seen',
    theme: 'members',
    seen: 'dragonboat OrderedConfigChange',
    file: 'raft.js',
    find: 'if (!isAs(configurationOf(self), expected))',
    replace: 'if (false)',
  },
  {
    name: 'a full disk takes what its leader sends',
    theme: 'disks',
    seen: 'etcd NOSPACE alarm',
    file: 'follower.js',
    find: 'self.full ? beforeCommands(fresh) : fresh;',
    replace: 'fresh;',
  },
  {
    name: 'a full disk takes commands',
    theme: 'disks',
    seen: 'etcd NOSPACE alarm',
    file: 'raft.js',
    find: "if (self.full)\n            return this.#refuse('disk-full');",
    replace: '',
  },
  {
    name: 'a leader whose disk is full stays',
    theme: 'disks',
    seen: 'hashicorp/raft StoreLogs, ra wal_down_condition',
    file: 'tick.js',
    find: '    handOver(self);',
    replace: '',
  },
  {
    name: 'a state machine that has lost its state goes on',
    theme: 'disks',
    seen: 'raft-rs request_snapshot',
    file: 'disk.js',
    find: 'self.bereft || ',
    replace: '',
  },
  {
    name: 'a state is restored beyond the own log',
    firstSeed: 62_504,
    seen: 'found by this simulator',
    file: 'disk.js',
    find: 'if (log.durable < restoring.index)\n            return undefined;',
    replace: '',
  },
  {
    name: 'a snapshot that was asked for is refused, since its entries are known',
    theme: 'disks',
    seen: 'raft-rs request_snapshot',
    file: 'snapshot-receiver.js',
    find: ' || isWanted(self, snapshot)',
    replace: '',
  },
  {
    name: 'a leader that has no snapshot of its own says nothing',
    theme: 'disks',
    seen: 'raft-rs request_snapshot',
    file: 'snapshot-sender.js',
    find: 'out.snapshotWanted = Math.max(out.snapshotWanted, least);',
    replace: '',
  },
];
