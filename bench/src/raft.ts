import { bytesEach, medianOfEach, perSecond, type Suite, timeInAll, worstOfEach } from './suite.ts';
import { goGroup, nodeGroup } from './toolchains.ts';

const everybody = ['troupe', 'troupe-thread', 'hashicorp', 'etcd'];
/** Those that have a main loop, and can be told to keep it busy. */
const ours = ['troupe', 'troupe-thread'];
const COMMAND_BYTES = 64;

export const raft: Suite = {
  name: 'raft',
  about: 'a replicated log: three nodes in three processes, over loopback TCP',
  warmUpMs: 2_000,
  subjects: [
    nodeGroup('troupe', 'raft-node.js'),
    nodeGroup('troupe-thread', 'raft-node.js', 'thread'),
    goGroup('hashicorp', {
      packages: ['golang-github-hashicorp-raft-dev', 'golang-github-hashicorp-raft-boltdb-dev'],
      library: 'github.com/hashicorp/raft-boltdb',
      programs: [],
    }),
    goGroup('etcd', {
      packages: ['etcd-server', 'golang-etcd-server-dev'],
      library: 'go.etcd.io/etcd/clientv3',
      programs: ['etcd'],
    }),
  ],
  benches: [
    {
      name: 'durable-64',
      title: 'commands of 64 bytes, durable, 64 clients',
      operations: 6_400,
      subjects: everybody,
      metrics: [perSecond('commands')],
      required: [{ than: 'hashicorp', atLeast: 3 }],
    },
    {
      name: 'durable-1024',
      title: 'commands of 64 bytes, durable, 1,024 clients',
      operations: 20_480,
      subjects: everybody,
      metrics: [perSecond('commands')],
      required: [{ than: 'hashicorp', atLeast: 3 }],
    },
    {
      name: 'memory-1024',
      title: 'commands of 64 bytes, in memory, 1,024 clients',
      operations: 40_960,
      subjects: ['troupe', 'troupe-thread', 'hashicorp'],
      metrics: [perSecond('commands')],
      required: [{ than: 'hashicorp', atLeast: 1.5 }],
    },
    {
      name: 'latency',
      title: 'one command at a time, durable, the median of all',
      operations: 200,
      subjects: everybody,
      metrics: [medianOfEach],
      required: [
        { than: 'hashicorp', atMost: 0.6 },
        { than: 'etcd', atMost: 0.6 },
      ],
    },
    ...[5, 20].map((sliceMs) => ({
      name: `busy-${sliceMs}`,
      title: `as durable-64, each main loop busy half of the time, ${sliceMs} ms at once`,
      operations: 640,
      subjects: ours,
      metrics: [perSecond('commands')],
      required: [],
      onlyNamed: true,
    })),
    {
      name: 'stalled',
      title: 'the main loop of the leader stands still for 2 s: the longest wait at another node',
      operations: 3,
      subjects: ours,
      metrics: [medianOfEach, worstOfEach],
      required: [],
      onlyNamed: true,
    },
    {
      name: 'reads-leader',
      title: 'linearizable reads, 64 clients of the leader',
      operations: 6_400,
      subjects: everybody,
      metrics: [perSecond('reads')],
      required: [{ than: 'etcd', atLeast: 5 }],
    },
    {
      name: 'reads-two',
      title: 'linearizable reads, 64 clients of the leader and of one more',
      operations: 6_400,
      subjects: ['troupe', 'troupe-thread', 'etcd'],
      metrics: [perSecond('reads')],
      required: [{ than: 'etcd', atLeast: 5 }],
    },
    {
      name: 'reads-all',
      title: 'linearizable reads, 64 clients of each of the three',
      operations: 6_400,
      subjects: ['troupe', 'troupe-thread', 'etcd'],
      metrics: [perSecond('reads')],
      required: [{ than: 'etcd', atLeast: 5 }],
    },
    {
      name: 'log-bytes',
      title: 'bytes in the log for a command of 64 bytes, 1,024 clients',
      operations: 20_480,
      subjects: ['troupe'],
      metrics: [bytesEach],
      required: [{ atMost: 1.5 * COMMAND_BYTES }],
    },
    {
      name: 'failover',
      title: 'the leader killed, until the next command is accepted',
      operations: 20,
      subjects: everybody,
      metrics: [medianOfEach, worstOfEach],
      required: [
        { than: 'etcd', metric: 'time', atMost: 0.5 },
        { than: 'etcd', metric: 'worst', against: medianOfEach, atMost: 1 },
      ],
      onlyNamed: true,
      timeoutMs: 300_000,
    },
    {
      name: 'restart',
      title: 'start of a node with 1,000,000 commands since the snapshot',
      operations: 1_000_000,
      subjects: ['troupe'],
      metrics: [timeInAll],
      required: [{ atMost: 5e9 }],
      onlyNamed: true,
    },
  ],
};
