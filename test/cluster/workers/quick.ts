import { staticMembers, type NodeOptions } from 'troupe';

/** Gives a silent member less time than a blocked thread takes. */
export function setup(options: NodeOptions): NodeOptions {
  const { join: seeds = [] } = options;
  return {
    ...options,
    membership: staticMembers({ seeds, suspectAfterMs: 2_500, downAfterMs: 2_000 }),
  };
}
