import type { Theme } from './swarm.ts';

/**
 * Mistakes that a driver can make around a core that makes none: the simulator has to find them
 * too, or it could not tell that its own driver is right.
 */
export const driverMistakes = [
  {
    name: 'a wiped disk comes back under its old name',
    theme: 'disks',
    seen: 'etcd raft doc.go, tikv#9579',
  },
  {
    name: 'messages leave before the disk has their record',
    seen: 'hashicorp/raft#661, tikv#1610',
  },
  {
    name: 'a vote is in a file of its own, which is not synced',
    seen: 'robustmq#2039, hashicorp/raft#661',
  },
  {
    name: 'what is committed is taken for applied',
    seen: 'etcd#13766',
  },
  {
    name: 'a damaged disk is taken for a short one',
    theme: 'disks',
    seen: 'Protocol-Aware Recovery (FAST 2018), etcd#6378',
  },
  {
    name: 'a failed sync is taken for a good one',
    theme: 'disks',
    seen: 'fsyncgate, ATC 2020',
  },
  {
    name: 'the disk keeps what is behind a gap',
    theme: 'disks',
    seen: 'ra f68c255a',
  },
  {
    name: 'a pause is not made up for',
    seen: 'etcd#20418, etcd#15247',
  },
  {
    name: 'whoever waits for an index gets its entry',
    seen: 'openraft#1761, restate#2950',
  },
] as const satisfies readonly DriverMutant<string>[];

export type DriverMistake = (typeof driverMistakes)[number]['name'];

export interface DriverMutant<Name = DriverMistake> {
  readonly name: Name;
  readonly seen: string;
  readonly theme?: Theme;
}
