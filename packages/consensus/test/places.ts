import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { processEnv } from '@troupe/actor';
import { type Files, type LogOptions, nodeFiles, type NodeFilesOptions } from '@troupe/consensus';

/** A new directory, which is removed after the test. */
export async function freshDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'troupe-log-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export async function freshFiles(t: ExecutionContext, options?: NodeFilesOptions): Promise<Files> {
  return nodeFiles(await freshDirectory(t), options);
}

/** A log of small files, so that there are many. */
export const small: LogOptions = {
  cluster: 'test',
  node: 'a',
  env: processEnv({ seed: 1 }),
  segmentBytes: 8_192,
  reserveBytes: 0,
};
