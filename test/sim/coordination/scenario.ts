import { type FaultKind, simulate, type Simulated } from '@troupe/sim';
import type { Kit } from '../consensus/nodes.ts';
import { type Host, partsOf, start, TTL_MS } from './host.ts';
import { Appended, Once, Presences, Registers } from './keys.ts';
import { lateAnswers } from './late-answers.ts';
import { LOCK_DELAY_MS, TryLocks, Workers } from './locks.ts';
import { Permits } from './permits.ts';
import type { Run, Tally } from './run.ts';
import { Watchers } from './watchers.ts';

const BUSY_MS = 20_000;
/** All that waits for time: sessions of who is gone, delays, an election or two. */
const CALM_MS = 4 * TTL_MS + LOCK_DELAY_MS;

const faultKinds: readonly FaultKind[] = [
  'crash',
  'stall',
  'partition',
  'one-way',
  'network',
  'clock',
];

/** Runs the world of `seed`. @throws {SimulationFailed} */
export async function runWorld(
  kit: Kit,
  seed: number,
  { shrinks = true }: { readonly shrinks?: boolean } = {},
): Promise<Readonly<Record<keyof Tally | 'events', number>>> {
  const nodes = seed % 4 === 0 ? 5 : 3;
  const names = Array.from({ length: nodes }, (_, i) => 'abcde'.charAt(i));
  let tally: Tally | undefined;
  const { events } = await simulate<Host>(
    {
      seed,
      nodes: names,
      start: (place) => start(kit, place, names),
      faults: 'swarm',
      faultKinds,
      safetyMs: BUSY_MS,
      shrinks,
    },
    async (world) => {
      const counted = await scenario(world);
      tally ??= counted;
    },
  );
  if (tally === undefined) throw new Error('BUG: the world ended without a word');
  return { ...tally, events };
}

async function scenario(world: Simulated<Host>): Promise<Tally> {
  const tally = { operations: 0, answered: 0, grants: 0, losses: 0, changes: 0, compactions: 0 };
  const run: Run = { world, untilMs: BUSY_MS, tally };
  const random = world.world.random.fork('clients');
  await drift(world);
  world.check('a session that is sure of itself is known to the group', () => sureIsKnown(world));
  const parts = {
    registers: new Registers(run),
    lists: new Appended(run),
    once: new Once(run),
    presences: new Presences(run),
    tried: new TryLocks(run),
    locks: new Workers(run, 'lock', LOCK_DELAY_MS),
    elections: new Workers(run, 'election', 0),
    permits: new Permits(run),
    watchers: new Watchers(run, 'list/'),
  };
  const { watchers, ...clients } = parts;
  const ended = new AbortController();
  const watching = ['v', 'w'].map((name) => watchers.client(name, random.fork(name), ended.signal));
  for (const each of watching) each.catch(() => {}); // Awaited below.
  await Promise.all([
    lateAnswers(run, random.fork('late answers')),
    ...Object.entries(clients).flatMap(([kind, part]) =>
      ['p', 'q', 'r'].map((name) => part.client(name, random.fork(`${kind} ${name}`))),
    ),
  ]);
  await world.heal();
  await world.sleep(CALM_MS);
  await everythingWorks(run, parts);
  await verify(run, parts, () => ended.abort());
  await Promise.all(watching);
  return tally;
}

type Parts = {
  readonly registers: Registers;
  readonly lists: Appended;
  readonly once: Once;
  readonly presences: Presences;
  readonly tried: TryLocks;
  readonly locks: Workers;
  readonly elections: Workers;
  readonly permits: Permits;
  readonly watchers: Watchers;
};

/** Every process's clocks run at a rate of their own from here on, until it ends. */
async function drift(world: Simulated<Host>): Promise<void> {
  for (const host of world.world.hosts) {
    const rate = world.world.random.fork(`clock of ${host}`).between(0.9, 1.11);
    world.world.setClock(host, { rate });
    world.crash(host);
    await world.start(host);
  }
}

/**
 * What the whole design rests on: while a session's owner is sure that it lives, no node has been
 * told that it has ended.
 */
function sureIsKnown(world: Simulated<Host>): void {
  for (const [owner, { coordination }] of world.nodes) {
    const { presentSession: session } = coordination;
    if (session === undefined || session.remainingMs === 0) continue;
    for (const [host, node] of world.nodes) {
      if (node.machine.leases.has(session.id)) continue;
      const { applied } = node.coordination.group.status();
      if (applied >= session.id) {
        throw new Error(`${owner} is sure of session ${session.id}, which ended on ${host}`);
      }
    }
  }
}

/** On every node: what is put is read, locks are had, and nobody is elected for ever. */
async function everythingWorks(run: Run, { locks, elections, permits }: Parts): Promise<void> {
  const { world } = run;
  const random = world.world.random.fork('in the end');
  for (const host of world.world.hosts) {
    await world.on(host, async ({ coordination: { kv } }) => {
      await kv.put('last', host);
      if ((await kv.get('last'))?.value !== host) throw new Error('what was put is not there');
    });
  }
  await locks.turn('the last', random, { timeoutMs: CALM_MS });
  await elections.turn('the last', random, { timeoutMs: CALM_MS });
  await permits.turn(random, { timeoutMs: CALM_MS });
}

async function verify(run: Run, parts: Parts, end: () => void): Promise<void> {
  const { world } = run;
  const [first = ''] = world.world.hosts;
  await world.sleep(2_000); // Watches come to the end.
  const { store } = world.node(first).machine;
  const keysOf = (prefix: string, of: 'revision' | 'version') =>
    new Map([...store.range({ prefix })].map(([key, item]) => [key, item[of]]));
  const watched = keysOf('list/', 'revision');
  parts.watchers.verify(Math.max(0, ...watched.values()), watched);
  end();
  parts.presences.verify(store.range({ prefix: 'here/' }), world.node(first).machine);
  parts.once.verify(keysOf('once/', 'version'));
  parts.registers.verify();
  parts.lists.verify();
  parts.tried.verify();
  await sameEverywhere(world);
  const { answered } = run.tally;
  if (answered < 5) throw new Error(`only ${answered} operations were answered`);
}

/** Nodes that have applied as much are in one state, sessions of the dead are gone. */
async function sameEverywhere(world: Simulated<Host>): Promise<void> {
  const nodes = [...world.nodes.values()];
  for (let tries = 0; tries < 1_000; tries += 1) {
    const applied = nodes.map(({ coordination }) => coordination.group.status().applied);
    if (new Set(applied).size === 1) {
      const states = nodes.map(({ machine }) => partsOf(machine));
      for (const name of states[0]?.keys() ?? []) {
        const isOne = new Set(states.map((state) => state.get(name))).size === 1;
        if (!isOne) throw new Error(`the nodes have different ${name}`);
      }
      const leases = nodes[0]?.machine.leases.size ?? 0;
      if (leases > nodes.length) throw new Error(`${leases} leases of ${nodes.length} nodes`);
      return;
    }
    await world.sleep(7);
  }
  throw new Error('the nodes never come to the same index');
}
