import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  decodePacket,
  encodePacket,
  Gossip,
  type Input,
  type Packet,
  type Profile,
  type Update,
} from '@troupe/gossip';
import { Random } from '@troupe/sim';
import { settled, totals, untilWhole } from './settled.ts';
import { type Process, startMany, World } from './world.ts';

export interface MeasureOptions {
  readonly json: boolean;
  write(line: string): void;
  progress(line: string): void;
}

type Row = Readonly<Record<string, string | number>>;

/** Everything beside the published figures; each line is one experiment with one configuration. */
export function measure({ json, write, progress }: MeasureOptions): void {
  const show = (row: Row): void => {
    const text = Object.entries(row).map(([name, value]) => `${name} ${value}`);
    write(json ? JSON.stringify(row) : text.join('  '));
  };
  for (const profile of ['swim', 'lifeguard', 'memberlist', 'lan'] as const) {
    progress(`a host is lost: ${profile}`);
    show({ experiment: 'host lost', ...detection(profile, { members: 128, host: true }, 300) });
  }
  show({ experiment: 'killed', ...detection('lan', { members: 128, host: false }, 300) });
  progress('1,000 members');
  show({ experiment: 'killed', ...detection('lan', { members: 1_000, host: false }, 30) });
  show({ experiment: 'host lost', ...detection('lan', { members: 1_000, host: true }, 30) });
  for (const loss of [0, 0.05]) {
    for (const profile of ['memberlist', 'lan'] as const) {
      progress(`load: ${profile}`);
      show({ experiment: 'load', ...load(profile, { members: 1_000, loss }) });
    }
  }
  progress('2,000 members start');
  show({ experiment: 'start', ...bootstrap(2_000) });
  progress('memory');
  show({ experiment: 'memory', ...memory(1_000) });
}

/** How long until the first member gives up one that has ended, and until the last does. */
function detection(
  profile: Profile,
  { members, host }: { readonly members: number; readonly host: boolean },
  times: number,
): Row {
  const first: number[] = [];
  const spread: number[] = [];
  for (let seed = 1; first.length < times; seed += 1) {
    const world = settled(seed, profile, members);
    for (let i = 0; i < 10 && first.length < times; i += 1) {
      const victim = world.random.pick(world.running);
      world.run(world.random.between(0, 1_000));
      const atMs = world.nowMs;
      const found: number[] = [];
      const observer = {
        onEvent: (_: Process, event: { kind: string; member?: { name: string } }) => {
          if (event.kind === 'failed' && event.member?.name === victim.name) {
            found.push(world.nowMs - atMs);
          }
        },
      };
      world.observers.push(observer);
      world.kill(victim, { host });
      world.runUntil(() => found.length >= world.running.length, { limitMs: 120_000 });
      world.observers.pop();
      first.push(found[0] ?? Infinity);
      spread.push((found.at(-1) ?? Infinity) - (found[0] ?? Infinity));
      world.run(2_000);
    }
  }
  return {
    profile,
    members,
    'first p50 ms': quantile(first, 0.5),
    'first p99 ms': quantile(first, 0.99),
    'first to all p50 ms': quantile(spread, 0.5),
    'first to all p99 ms': quantile(spread, 0.99),
  };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN);
}

/** A quiet minute: packets and bytes of each member, encryption included, and how long it took. */
function load(
  profile: Profile,
  { members, loss }: { readonly members: number; readonly loss: number },
): Row {
  const world = settled(1, profile, members);
  world.quality = { ...world.quality, loss };
  world.run(30_000);
  const before = totals(world);
  const startedAt = performance.now();
  world.run(60_000);
  const seconds = (performance.now() - startedAt) / 1_000;
  const after = totals(world);
  return {
    profile,
    members,
    loss,
    'packets/s': ((after.packets - before.packets) / members / 60).toFixed(2),
    'bytes/s': Math.round((after.bytes - before.bytes) / members / 60),
    'seconds of this machine': seconds.toFixed(1),
  };
}

function bootstrap(members: number): Row {
  const world = new World({ seed: 1, Gossip, profile: 'lan' });
  startMany(world, members);
  const isWhole = untilWhole(world, members);
  const all = world.running.map(({ sentBytes }) => sentBytes);
  return {
    members,
    'ms to one view': isWhole ? Math.round(world.nowMs) : Infinity,
    'bytes sent p50': quantile(all, 0.5),
    'bytes sent by the seed': Math.max(...all),
  };
}

/**
 * What a member costs the heap of each core that knows it: of some cores that each know `members`,
 * read from bytes as they arrive, after all news is told.
 */
function memory(members: number): Row {
  knowing(members); // Or what is compiled meanwhile would count.
  const before = collectedHeap();
  const cores = Array.from({ length: 8 }, () => knowing(members));
  const bytes = (collectedHeap() - before) / members / cores.length;
  if (cores.some(({ size }) => size !== members + 1)) throw new Error('one does not know all');
  return { members, 'heap bytes a known member': Math.round(bytes) };
}

/** Its packets go nowhere, and whom it asks answers. */
function knowing(members: number): Gossip {
  const generation = 1_700_000_000_000_000;
  const self = { name: 'self', address: '10.0.0.1:7000', generation, meta: new Uint8Array() };
  const gossip = new Gossip({ ...self, random: new Random(1).next, nowMs: 0 });
  let nowMs = 0;
  const take = (input: Input): void => {
    for (const output of gossip.step(nowMs, input)) {
      if (output.kind !== 'send' || output.packet.message.kind !== 'ping') continue;
      const { target, sequence } = output.packet.message;
      hear(target, { kind: 'ack', sequence }, []);
    }
  };
  const hear = (from: string, message: Packet['message'], updates: readonly Update[]): void => {
    const bytes = encodePacket({ cluster: 0, from, generation, message, updates });
    take({ kind: 'packet', via: 'datagram', from, packet: decodePacket(bytes) });
  };
  for (let i = 0; i < members; i += 1) hear(`node-${i}`, { kind: 'gossip' }, [wordOf(i)]);
  while (gossip.untold > 0 || nowMs < 60_000) {
    nowMs = Math.max(nowMs, gossip.nextDeadlineMs);
    take({ kind: 'tick' });
  }
  return gossip;
}

function wordOf(i: number): Update {
  return {
    kind: 'alive',
    name: `node-${i}`,
    address: `10.0.${i >> 8}.${i & 255}:7000`,
    generation: 1_700_000_000_000_000,
    incarnation: 0,
    meta: new Uint8Array(),
    versionMin: 1,
    versionMax: 1,
  };
}

function collectedHeap(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) collect();
  return process.memoryUsage().heapUsed;
}
