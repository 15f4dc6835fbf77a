import type { ResourceLimits } from 'node:worker_threads';
import type { ActorClass } from '@troupe/actor';

const WORKERS_MAX = 256;

export interface WorkerOptions {
  /** Threads to add, 1 … 256. For actors that compute, as many as there are cores, less one. */
  readonly count: number;
  /** Modules whose exported classes the workers host. Default: those in the node's `actors`. */
  readonly actors?: readonly URL[];
  /**
   * A module that exports `setup(options)`. Each worker calls it with the options of its node, and
   * starts the node with those that it returns: what cannot be copied to a thread, such as
   * plug-ins, is made there.
   */
  readonly setup?: URL;
  /** Bounds of each thread's heap and stack; one that exceeds them dies. Default: Node's. */
  readonly resourceLimits?: ResourceLimits;
}

/** `WorkerOptions`, checked and complete. */
export interface WorkerPlan {
  readonly count: number;
  readonly modules: readonly string[];
  readonly setup: string | undefined;
  readonly resourceLimits: ResourceLimits | undefined;
}

/** The options of a node that say something about its workers. */
export interface WorkersWanted {
  readonly workers?: number | WorkerOptions;
  readonly actors?: readonly (ActorClass | URL)[];
  readonly listen?: string;
  readonly join?: readonly string[] | (() => unknown);
  readonly membership?: object;
  readonly placement?: object;
  readonly transport?: object;
}

/**
 * @returns undefined when no workers are wanted
 * @throws {RangeError | TypeError} for options that workers cannot follow
 */
export function planWorkers(options: WorkersWanted): WorkerPlan | undefined {
  const { workers = 0 } = options;
  if (workers === 0) return undefined;
  const wanted: WorkerOptions = typeof workers === 'number' ? { count: workers } : workers;
  const { count, setup, resourceLimits } = wanted;
  if (!Number.isInteger(count) || count < 1 || count > WORKERS_MAX) {
    throw new RangeError(`workers must be in 1 … ${WORKERS_MAX}, not ${count}`);
  }
  const modules = wanted.actors ?? (options.actors ?? []).filter((item) => item instanceof URL);
  if (modules.length === 0) {
    throw new TypeError(
      'workers load classes by themselves: list the URL of the module that exports them, ' +
        "actors: [new URL('./actors.js', import.meta.url)]",
    );
  }
  refuseUnfit(options, setup);
  return { count, modules: modules.map(({ href }) => href), setup: setup?.href, resourceLimits };
}

function refuseUnfit(options: WorkersWanted, setup: URL | undefined): void {
  const { join = [], listen, membership, placement, transport } = options;
  if (transport !== undefined) {
    throw new TypeError('workers need the transports that come with a node: leave transport out');
  }
  if (setup === undefined && (membership ?? placement) !== undefined) {
    throw new TypeError(
      'a plug-in cannot be copied to a worker: pass workers: { setup }, the URL of a module that ' +
        'makes the same membership and placement there',
    );
  }
  if ((typeof join === 'function' || join.length > 0) && listen === undefined) {
    throw new TypeError(
      'workers of a node that joins others must be reached by them: pass listen as well',
    );
  }
}

/** Where a worker listens: as its node does, on a port or path of its own. */
export function workerAddress(listen: string | undefined, name: string): string {
  if (listen === undefined) return `thread:/${name}`;
  if (listen.startsWith('unix:')) return `${listen}.${name}`;
  return listen.replace(/\d+$/, '0');
}
