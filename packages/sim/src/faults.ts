import type { DiskTrouble } from './disk.ts';
import type { JitterShape, LinkQuality } from './network.ts';
import type { StallShape } from './process.ts';
import type { Random } from './random.ts';

/** Something that goes wrong at `atMs`, and with a duration is well again after it. */
export type Fault = { readonly atMs: number } & (
  | {
      /** The process ends, and another starts in its place after `forMs`. */
      readonly kind: 'crash';
      readonly host: string;
      readonly power: boolean;
      readonly forMs: number;
    }
  | {
      readonly kind: 'stall';
      readonly host: string;
      readonly shape: StallShape;
      readonly forMs: number;
    }
  | {
      readonly kind: 'partition';
      readonly groups: readonly (readonly string[])[];
      readonly forMs: number;
    }
  | {
      /** `to` hears nothing of `from`; the way back stays as it is. */
      readonly kind: 'one-way';
      readonly from: string;
      readonly to: string;
      readonly forMs: number;
    }
  | {
      readonly kind: 'network';
      readonly quality: Partial<LinkQuality>;
      readonly forMs: number;
    }
  | { readonly kind: 'clock'; readonly host: string; readonly byMs: number }
  | {
      readonly kind: 'disk';
      readonly host: string;
      readonly trouble: DiskTrouble;
      readonly forMs: number;
    }
);

export type FaultKind = Fault['kind'];

const KINDS: readonly FaultKind[] = [
  'crash',
  'stall',
  'partition',
  'one-way',
  'network',
  'clock',
  'disk',
];

export interface SwarmOptions {
  readonly hosts: readonly string[];
  /** How long faults go on beginning, in milliseconds. */
  readonly durationMs: number;
  /** Kinds that may happen. Default: all. */
  readonly kinds?: readonly FaultKind[];
}

/**
 * Faults for one run. Each run has only some kinds of them, each more or less often: a mixture of
 * everything would hardly ever reach what takes many faults of one kind.
 * @see Groce et al. 2012, "Swarm testing"
 */
export function swarm(random: Random, options: SwarmOptions): readonly Fault[] {
  const { hosts, durationMs, kinds = KINDS } = options;
  const faults: Fault[] = [];
  for (const kind of kinds) {
    const draws = random.fork(`faults: ${kind}`);
    if (draws.chance(0.5)) continue;
    const everyMs = draws.pick([500, 2_000, 8_000]);
    for (let atMs = draws.exponential(everyMs); atMs < durationMs;) {
      const fault = draw(kind, atMs, { draws, hosts });
      if (fault !== undefined) faults.push(fault);
      atMs += draws.exponential(everyMs);
    }
  }
  return faults.toSorted((a, b) => a.atMs - b.atMs);
}

function draw(
  kind: FaultKind,
  atMs: number,
  { draws, hosts }: { readonly draws: Random; readonly hosts: readonly string[] },
): Fault | undefined {
  const [host = '', other] = draws.shuffled(hosts);
  const forMs = Math.min(draws.exponential(2_000), 20_000);
  switch (kind) {
    case 'crash':
      return { kind, atMs, host, power: draws.chance(0.5), forMs };
    case 'stall': {
      const shape = draws.pick<StallShape>(['timers-first', 'in-order']);
      return { kind, atMs, host, shape, forMs };
    }
    case 'partition': {
      if (other === undefined) return undefined;
      const mixed = draws.shuffled(hosts);
      const size = draws.integer(1, mixed.length - 1);
      return { kind, atMs, groups: [mixed.slice(0, size), mixed.slice(size)], forMs };
    }
    case 'one-way':
      return other === undefined ? undefined : { kind, atMs, from: host, to: other, forMs };
    case 'network': {
      const quality = {
        loss: draws.pick([0, 0.01, 0.1, 0.4]),
        jitterMs: draws.pick([0.2, 5, 50]),
        duplication: draws.pick([0, 0.1]),
        jitter: draws.pick<JitterShape>(['exponential', 'uniform', 'heavy-tailed']),
        ...draws.pick([{}, {}, { bytesPerMs: 50 }]),
      };
      return { kind, atMs, quality, forMs };
    }
    case 'clock':
      return { kind, atMs, host, byMs: draws.between(-60_000, 60_000) };
    case 'disk': {
      const trouble = draws.pick<DiskTrouble>(['hang', 'slow', 'failing', 'full']);
      return { kind, atMs, host, trouble, forMs };
    }
  }
}

/** One line for people. */
export function describeFault(fault: Fault): string {
  const { kind, atMs, ...rest } = fault;
  return `${atMs.toFixed(0).padStart(8)} ms  ${kind} ${JSON.stringify(rest)}`;
}
