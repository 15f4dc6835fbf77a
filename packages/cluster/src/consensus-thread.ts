import type { Env } from '@troupe/actor';
import { BadOption, EngineThread, MemoryStore } from '@troupe/consensus';
import { isEverywhere, type PeerIdentity, type Secret, type TlsTransport } from '@troupe/remote';
import type { ConsensusOptions } from './consensus-options.ts';
import { workerAddress } from './worker-plan.ts';

/** What of a node's options says something about that thread. */
export interface ThreadWanted {
  readonly listen?: string;
  readonly advertise?: string;
  readonly secret?: Secret;
  readonly transport?: object;
  readonly data?: string;
  readonly consensus?: ConsensusOptions;
}

/**
 * Whether the groups of a node have a thread. Where nothing is said of it they do, if others may
 * come to count on this node, and may reach it at one more port; it is known when the node starts,
 * since a group cannot move between loops, nor an address be told too late.
 */
export function isThreaded({ consensus = {}, ...wanted }: ThreadWanted): boolean {
  const { thread } = consensus;
  if (thread !== undefined) return thread !== false;
  const { listen, data, transport, advertise } = wanted;
  return listen !== undefined && data !== undefined && (transport ?? advertise) === undefined;
}

/**
 * Starts the thread, if one is wanted.
 * @throws {BadOption} for what cannot be copied to a thread
 * @throws as `EngineThread.start` does
 */
export async function startConsensusThread(
  wanted: ThreadWanted,
  node: {
    readonly self: PeerIdentity;
    readonly env: Env;
    readonly tls: TlsTransport | undefined;
  },
): Promise<EngineThread | undefined> {
  const { consensus = {}, transport } = wanted;
  if (!isThreaded(wanted)) return undefined;
  const { thread, store, log, tickMs } = consensus;
  const { listen, handOverAfterMs } = typeof thread === 'object' ? thread : {};
  if (transport !== undefined) {
    const advice = 'a thread of consensus needs those that come with a node: leave transport out';
    throw new BadOption('transport', transport, advice);
  }
  if (store !== undefined && store.constructor !== MemoryStore) {
    const advice = 'it cannot be copied to a thread: pass data, which that opens itself';
    throw new BadOption('consensus.store', store, advice);
  }
  const { data, secret, advertise } = wanted;
  const own = (address: string | undefined): string | undefined =>
    address === undefined ? undefined : workerAddress(address, 'consensus');
  // Whoever reaches the node at one address of its machine reaches all that listens on all of them.
  const host = listen !== undefined && isEverywhere(listen) ? wanted.listen : undefined;
  return EngineThread.start({
    ...node,
    data,
    log,
    secret,
    listen: listen ?? own(wanted.listen),
    advertise: own(advertise ?? host),
    tickMs,
    handOverAfterMs,
  });
}
