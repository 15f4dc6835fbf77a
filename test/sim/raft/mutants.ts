import { disk } from './mutants/disk.ts';
import { elections } from './mutants/elections.ts';
import { membership } from './mutants/membership.ts';
import type { Mutant } from './mutants/mutant.ts';
import { operation } from './mutants/operation.ts';
import { reads } from './mutants/reads.ts';
import { replication } from './mutants/replication.ts';
import { snapshots } from './mutants/snapshots.ts';

export type { Mutant } from './mutants/mutant.ts';

export const mutants: readonly Mutant[] = [
  ...elections,
  ...replication,
  ...snapshots,
  ...membership,
  ...reads,
  ...disk,
  ...operation,
];
