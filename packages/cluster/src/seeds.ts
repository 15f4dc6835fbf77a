import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { checkInteger } from '@troupe/actor/internal';

/** Before a name server is asked again, and how often: a start waits for no longer than this. */
const QUESTION = { timeout: 1_000, tries: 3 };
/** Addresses beyond this number are not used: a few are enough to find all others. */
const SEEDS_MAX = 64;

/**
 * Says where nodes of the cluster may be, each time it is asked anew. It may reject, and is asked
 * again later.
 */
export type SeedProvider = () => Promise<readonly string[]>;

/** A list that stays as it is. */
export function staticSeeds(addresses: readonly string[]): SeedProvider {
  return async () => addresses;
}

export interface DnsSeedsOptions {
  /** Of the nodes that the A and AAAA records name. Default: the name is one of SRV records. */
  readonly port?: number;
  /** Servers to ask, `host:port`. Default: those of the system. */
  readonly servers?: readonly string[];
}

/**
 * The hosts that a name stands for: with `port` those of its A and AAAA records, otherwise hosts
 * and ports of its SRV records, the most preferred first.
 * @throws {BadOption} when `port` is none
 */
export function dnsSeeds(name: string, options: DnsSeedsOptions = {}): SeedProvider {
  const { port, servers } = options;
  if (port !== undefined) checkInteger('port', port, [1, 65_535]);
  const resolver = new Resolver(QUESTION);
  if (servers !== undefined) resolver.setServers(servers);
  if (port === undefined) {
    return async () => {
      const records = await resolver.resolveSrv(name);
      const sorted = records.toSorted((a, b) => a.priority - b.priority || b.weight - a.weight);
      return sorted.map((record) => `${record.name}:${record.port}`);
    };
  }
  return async () => {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason;
    const hosts = v4.status === 'fulfilled' ? [...v4.value] : [];
    if (v6.status === 'fulfilled') hosts.push(...v6.value.map((host) => `[${host}]`));
    return hosts.map((host) => `${host}:${port}`);
  };
}

/** One address a line; empty lines and those that begin with `#` do not count. */
export function fileSeeds(path: string | URL): SeedProvider {
  return async () => {
    const lines = (await readFile(path, 'utf8')).split('\n').map((line) => line.trim());
    return lines.filter((line) => line !== '' && !line.startsWith('#'));
  };
}

export function seedProvider(seeds: readonly string[] | SeedProvider): SeedProvider {
  const provider = typeof seeds === 'function' ? seeds : staticSeeds(seeds);
  return async () => [...new Set(await provider())].slice(0, SEEDS_MAX);
}
