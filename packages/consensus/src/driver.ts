import type { Consensus, NodeId, RequestOptions } from './consensus.ts';
import type { EngineStatus } from './engine.ts';
import type { GroupOptions } from './group-options.ts';

/**
 * What runs the groups of one node: an `Engine` on the loop that it is made on, or a
 * `ThreadedEngine` on a thread of its own. Who holds one need not know which.
 */
export interface Driver extends AsyncDisposable {
  readonly node: NodeId;

  /**
   * Takes part in a group: as this node knows it from before, or as a new one.
   * @throws {BadOption} when an option makes no sense
   * @throws {GroupAlreadyOpen} when this node has the group, or is about to
   * @throws {GroupClosed} when this node has stopped
   * @throws {Error} when what is saved of the group cannot be read
   */
  open<R>(options: GroupOptions<R>): Promise<Consensus<R>>;

  /** The group of that name, while this node takes part in it. */
  group(name: string): Consensus | undefined;

  /** All that this node takes part in. */
  readonly groups: readonly Consensus[];

  status(): EngineStatus;

  /**
   * `node` is gone, as those say who watch it: groups that it leads need not wait for their time
   * to be up, and quiet ones wake.
   */
  unreachable(node: NodeId): void;

  /**
   * Hands the lead of every group that this node leads to another voter, so that nobody has to
   * wait for an election when this node stops. Resolves when it is done, or cannot be.
   */
  handOver(options?: RequestOptions): Promise<void>;

  /** Stops all groups of this node. */
  stop(): Promise<void>;
}
