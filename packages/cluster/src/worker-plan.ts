import type { ResourceLimits } from 'node:worker_threads';
import { type ActorClass, BadOption } from '@troupe/actor';
import {
  checkInteger,
  checkOptions,
  ELSEWHERE,
  fitting,
  listOf,
  type OptionCheck,
} from '@troupe/actor/internal';

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

const A_URL = fitting((value) => value instanceof URL, 'give the URL of a module');

const WORKER_OPTIONS: Readonly<Record<keyof WorkerOptions, OptionCheck>> = {
  count: ELSEWHERE,
  actors: listOf(A_URL, 'give a list of URLs of modules'),
  setup: A_URL,
  resourceLimits: fitting((value) => typeof value === 'object' && value !== null, 'give limits'),
};

/** @throws {BadOption} when they make no sense, whatever else the node is told */
export function checkWorkers(option: string, workers: unknown): void {
  if (typeof workers === 'number') return;
  if (typeof workers === 'object') return checkOptions(option, workers, WORKER_OPTIONS);
  throw new BadOption(option, workers, 'give how many, or their options');
}

/**
 * @returns undefined when no workers are wanted
 * @throws {BadOption} for options that workers cannot follow
 */
export function planWorkers(options: WorkersWanted): WorkerPlan | undefined {
  const { workers = 0 } = options;
  if (workers === 0) return undefined;
  const wanted: WorkerOptions = typeof workers === 'number' ? { count: workers } : workers;
  const { count, setup, resourceLimits } = wanted;
  checkInteger(wanted === workers ? 'workers.count' : 'workers', count, [1, WORKERS_MAX]);
  const modules = wanted.actors ?? (options.actors ?? []).filter((item) => item instanceof URL);
  if (modules.length === 0) {
    const advice =
      'they load classes by themselves: list the URL of the module that exports them, ' +
      "actors: [new URL('./actors.js', import.meta.url)]";
    throw new BadOption('workers', workers, advice);
  }
  refuseUnfit(options, setup);
  return { count, modules: modules.map(({ href }) => href), setup: setup?.href, resourceLimits };
}

function refuseUnfit(options: WorkersWanted, setup: URL | undefined): void {
  const { join = [], listen, membership, placement, transport } = options;
  if (transport !== undefined) {
    const advice = 'workers need those that come with a node: leave it out';
    throw new BadOption('transport', transport, advice);
  }
  const plugIn = membership ?? placement;
  if (setup === undefined && plugIn !== undefined) {
    const advice =
      'a plug-in cannot be copied to a worker: pass workers: { setup }, the URL of a module that ' +
      'makes the same membership and placement there';
    throw new BadOption(plugIn === membership ? 'membership' : 'placement', plugIn, advice);
  }
  if ((typeof join === 'function' || join.length > 0) && listen === undefined) {
    const advice = 'workers of a node that joins others must be reached by them: pass listen';
    throw new BadOption('listen', listen, advice);
  }
}

/** Where a worker listens: as its node does, on a port or path of its own. */
export function workerAddress(listen: string | undefined, name: string): string {
  if (listen === undefined) return `thread:/${name}`;
  if (listen.startsWith('unix:')) return `${listen}.${name}`;
  return listen.replace(/\d+$/, '0');
}
