import {
  type Consensus,
  Engine,
  type GroupOptions,
  type LogOptions,
  openStore,
  TransportWire,
} from '@troupe/consensus';
import type { Place } from '@troupe/sim';
import { Lists } from './nodes.ts';

/** A whole node of a simulated world, with one group. */
export interface Host {
  readonly engine: Engine;
  readonly group: Consensus<null>;
  readonly machine: Lists;
}

/** Small, so that a test goes through several. */
export const SEGMENT_BYTES = 16_384;

export interface Settings extends Partial<GroupOptions<null>> {
  readonly log?: Partial<LogOptions>;
}

/** Starts nodes whose log is on their simulated disk, their lines over the simulated network. */
export const starter =
  ({ log, ...options }: Settings = {}) =>
  async ({ name, env, files, transport, listen }: Place): Promise<Host> => {
    const machine = new Lists();
    const own = { cluster: 'world', node: name, env, segmentBytes: SEGMENT_BYTES, reserveBytes: 0 };
    const opened = await openStore(files, { ...own, ...log });
    if (opened.verdict === 'corrupt') throw new Error(`the log of ${name} is damaged`);
    const addressOf = (node: string): string => listen.replace(name, node);
    const wire = new TransportWire({ env, listen, transport, addressOf });
    const engine = new Engine({ node: name, env, wire, store: opened.store });
    const group = await engine.open({ group: 'g', machine, ...options });
    return { engine, group, machine };
  };
