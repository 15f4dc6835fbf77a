import type { Settings } from '@troupe/raft';
import { Random } from './random.ts';

/** What kind of bad day a world has. Each seed has other faults, so that each can be alone. */
export interface Swarm {
  readonly voters: number;
  /** Moments of a tick on a good clock. */
  readonly tickLength: number;
  /** By how much a clock may be off, as a part of 1. */
  readonly drift: number;
  readonly loss: number;
  readonly duplication: number;
  readonly delayMax: number;
  readonly diskDelayMax: number;
  readonly applyDelayMax: number;
  /** Moments from one fault to the next, on average. */
  readonly calm: number;
  readonly faults: readonly [Fault, ...Fault[]];
  readonly settings: Partial<Settings>;
  readonly witness: boolean;
}

export type Fault =
  | 'cut'
  | 'cut-one-way'
  | 'split'
  | 'heal'
  | 'crash'
  | 'crash-all'
  | 'pause'
  | 'slow-disk'
  | 'unreachable'
  | 'transfer'
  | 'campaign'
  | 'change'
  | 'burst'
  | 'usurp'
  | 'lag'
  | 'replay'
  | 'overthrow'
  | 'snapshot';

const all: readonly Fault[] = [
  'cut',
  'cut-one-way',
  'split',
  'crash',
  'crash-all',
  'pause',
  'slow-disk',
  'unreachable',
  'transfer',
  'campaign',
  'change',
  'snapshot',
  'usurp',
  'lag',
  'replay',
];

export function swarm(seed: number): Swarm {
  const random = new Random(seed ^ 0x5eed);
  const chosen = all.filter(() => random.chance(0.6));
  const faults: readonly [Fault, ...Fault[]] = [
    'heal',
    ...chosen,
    'heal',
    'burst',
    'overthrow',
    'change',
  ];
  const isSmall = random.chance(0.5);
  return {
    voters: random.pick([1, 2, 3, 3, 3, 4, 5, 5]),
    tickLength: 10,
    drift: 0.05,
    loss: random.pick([0, 0, 0.02, 0.1, 0.3]),
    duplication: random.pick([0, 0, 0.1, 0.3]),
    delayMax: random.pick([2, 10, 10, 30]),
    diskDelayMax: random.pick([1, 5, 20, 60]),
    applyDelayMax: random.pick([1, 10, 50]),
    calm: random.pick([30, 60, 120]),
    faults,
    witness: random.chance(0.2),
    settings: {
      preVote: random.chance(0.8),
      leaseReads: random.chance(0.5),
      quietTicks: random.pick([0, 0, 5]),
      priority: 0,
      messageEntriesMax: random.pick([1, 3, 100]),
      inflightMessagesMax: random.pick([1, 2, 100]),
      recentBytesMax: isSmall ? 200 : 2 ** 20,
      uncommittedBytesMax: isSmall ? 800 : 2 ** 20,
      inflightBytesMax: isSmall ? 400 : 2 ** 20,
      unsavedBytesMax: isSmall ? 600 : 2 ** 20,
      applyBytesMax: isSmall ? 150 : 2 ** 20,
      readsMax: 50,
      chunkBytes: 40,
      chunksMax: 2,
      appendsMax: random.pick([1, 3, 16]),
    },
  };
}
