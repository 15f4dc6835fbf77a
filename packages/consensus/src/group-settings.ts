import type { Settings } from '@troupe/raft';
import { BadOption } from './errors.ts';

/** A node of a higher rank would wait for minutes before it stands for election. */
const RANK_MAX = 100;

/** What a node can change of a group that it takes part in, without anybody's consent. */
export interface GroupSettings {
  /**
   * Where this node stands in the order of those who may lead: 0 stands for election first, and
   * each step more waits as long as an election takes before it does, up to 100. Somebody who is
   * needed to lead does so all the same. Default: 0.
   */
  readonly rank: number;
  /**
   * Milliseconds after which a group in which nothing happens falls silent: no heartbeats and no
   * elections, until something does. For thousands of groups that are mostly idle. 0: never. What
   * counts is that of the node that leads. Default: 0.
   */
  readonly quietAfterMs: number;
}

/**
 * What these are to the core.
 * @throws {BadOption} when one of them makes no sense
 */
export function coreSettings(
  { rank, quietAfterMs }: Partial<GroupSettings>,
  tickMs: number,
): Partial<Settings> {
  if (rank !== undefined && !(Number.isInteger(rank) && rank >= 0 && rank <= RANK_MAX)) {
    throw new BadOption('rank', rank, `give an integer from 0 to ${RANK_MAX}`);
  }
  if (quietAfterMs !== undefined && !(quietAfterMs >= 0 && Number.isFinite(quietAfterMs))) {
    throw new BadOption('quietAfterMs', quietAfterMs, 'give milliseconds, or 0');
  }
  return {
    ...(rank !== undefined && { priority: rank }),
    ...(quietAfterMs !== undefined && { quietTicks: Math.ceil(quietAfterMs / tickMs) }),
  };
}
