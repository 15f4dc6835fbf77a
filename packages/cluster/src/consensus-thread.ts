import type { Env } from '@troupe/actor';
import { EngineThread, type LogStore, MemoryStore } from '@troupe/consensus';
import type { PeerIdentity, Secret, TlsTransport } from '@troupe/remote';
import { workerAddress } from './worker-plan.ts';

/** How the thread of a node's groups is run. */
export interface ConsensusThreadOptions {
  /**
   * Where it takes lines from other nodes, `host:port` or `unix:/path`, such as a port that a
   * firewall lets through. Default: as the node, on any free port, or at a path of its own.
   */
  readonly listen?: string;
  /**
   * Milliseconds for which the main loop may stand still before others are let lead in place of
   * this node. Default: 10,000.
   */
  readonly handOverAfterMs?: number;
}

/** What of a node's options says something about that thread. */
export interface ThreadWanted {
  readonly listen?: string;
  readonly advertise?: string;
  readonly secret?: Secret;
  readonly transport?: object;
  readonly data?: string;
  readonly consensus?: {
    readonly thread?: boolean | ConsensusThreadOptions;
    readonly store?: LogStore;
    readonly tickMs?: number;
  };
}

export function isThreaded({ thread = false }: ThreadWanted['consensus'] = {}): boolean {
  return thread !== false;
}

/**
 * Starts the thread, if one is wanted.
 * @throws {TypeError} for what cannot be copied to a thread
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
  if (!isThreaded(consensus)) return undefined;
  const { thread, store, tickMs } = consensus;
  const { listen, handOverAfterMs } = typeof thread === 'object' ? thread : {};
  if (transport !== undefined) {
    throw new TypeError(
      'a thread of consensus needs the transports that come with a node: leave transport out',
    );
  }
  if (store !== undefined && store.constructor !== MemoryStore) {
    throw new TypeError('a store cannot be copied to a thread: pass data, which it opens itself');
  }
  const { data, secret, advertise } = wanted;
  const own = (address: string | undefined): string | undefined =>
    address === undefined ? undefined : workerAddress(address, 'consensus');
  return EngineThread.start({
    ...node,
    data,
    secret,
    listen: listen ?? own(wanted.listen),
    advertise: own(advertise),
    tickMs,
    handOverAfterMs,
  });
}
