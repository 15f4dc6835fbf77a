import { isCallError } from '@troupe/actor';
import type { Consensus } from '@troupe/consensus';
import {
  checkLinearizable,
  type History,
  type ListInput,
  lists,
  type Simulated,
} from '@troupe/sim';
import type { Lists } from './nodes.ts';

/** What there has to be of a node, for clients of its lists. */
export interface ListHost {
  readonly group: Consensus<null>;
  readonly machine: Lists;
}

export type Recorded = History<ListInput, readonly unknown[] | null>;

export interface ListClient {
  readonly name: string;
  readonly history: Recorded;
  readonly untilMs: number;
  readonly keys: readonly string[];
}

/** Appends and reads by way of any node, until `untilMs`. */
export async function client(
  world: Simulated<ListHost>,
  { name, history, untilMs, keys }: ListClient,
): Promise<void> {
  const random = world.world.random.fork(name);
  for (let i = 0; world.nowMs < untilMs; i += 1) {
    await world.sleep(random.between(20, 200));
    const hosts = [...world.nodes.keys()];
    if (hosts.length === 0) continue;
    const host = random.pick(hosts);
    const key = random.pick([...keys]);
    const value = Number(`${i}${name.charCodeAt(0)}`);
    const isAppend = random.chance(0.6);
    const input: ListInput = isAppend ? { kind: 'append', key, value } : { kind: 'read', key };
    const call = history.call(name, input);
    const command = new TextEncoder().encode(JSON.stringify([key, value]));
    await world
      .on(host, async ({ group, machine }) => {
        if (!isAppend) await group.read({ timeoutMs: 3_000 });
        else await group.propose(command, { timeoutMs: 3_000 });
        return isAppend ? null : machine.of(key);
      })
      .then((output) => call.returns(output))
      .catch((error: unknown) => {
        const executed = isCallError(error) ? error.executed : 'unknown';
        call.fails(isAppend ? executed : 'no');
      });
  }
}

/** @throws {Error} when these nodes differ, or no one order explains what clients saw */
export async function demandAgreement(
  world: Simulated<ListHost>,
  hosts: readonly string[],
  history: Recorded,
): Promise<void> {
  const texts = new Set<string>();
  for (const host of hosts) {
    await world.on(host, ({ group }) => group.read());
    texts.add(world.node(host).machine.text);
  }
  if (texts.size > 1) throw new Error(`several states: ${[...texts].join(' | ')}`);
  const verdict = checkLinearizable(lists(), history.operations);
  if (verdict.kind === 'violated') {
    throw new Error(`no order explains ${JSON.stringify(verdict.operations)}`);
  }
}
