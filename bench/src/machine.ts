import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Subject, Workshop } from './suite.ts';

const root = join(import.meta.dirname, '../..');

/** Where and of what the figures are. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly os: string;
  readonly versions: readonly string[];
  readonly commit: string;
  /** Whether the tree differs from the commit, in files that git knows or does not ignore. */
  readonly dirty: boolean;
}

export async function machineOf(
  subjects: readonly Subject[],
  workshop: Workshop,
): Promise<Machine> {
  const git = async (...args: string[]): Promise<string> => {
    try {
      return (await workshop.run('git', args, root)).trim();
    } catch {
      return 'unknown'; // A download instead of a clone, or no git.
    }
  };
  const versions = await Promise.all(
    subjects.map(async ({ version }) => {
      try {
        return await version?.(workshop);
      } catch {
        return undefined; // Not here; its row says so.
      }
    }),
  );
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    os: `${process.platform} ${release()}`,
    versions: [
      `Node ${process.versions.node}`,
      ...versions.filter((version) => version !== undefined),
    ],
    commit: await git('rev-parse', '--short=12', 'HEAD'),
    dirty: (await git('status', '--porcelain')) !== '',
  };
}

export function describe(machine: Machine): string {
  const { cpu, cores, memoryGib, os, versions, commit, dirty } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGib} GiB, ${os}`,
    versions.join(', '),
    `commit ${commit}${dirty ? ', with changes that are not committed' : ''}`,
  ].join('\n');
}
