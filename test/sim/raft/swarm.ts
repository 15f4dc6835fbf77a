import type { Settings } from '@troupe/raft';
import { Random } from './random.ts';

/** What kind of bad day a world has. Each seed has other faults, so that each can be alone. */
export interface Swarm {
  readonly theme: Theme;
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
  /** How often a new leader gets the answers to its earlier questions once more. */
  readonly letters: number;
  /** Every node has settings of its own, as while they are being changed one by one. */
  readonly mixed: boolean;
  /** How many of them ask before they stand, if so. */
  readonly preVote: number;
}

/** So few that a snapshot takes several pieces. */
export const CHUNK_BYTES = 40;

/**
 * Half of all worlds mix everything; the others are about one thing that can go wrong. `strangers`
 * is for those who ask for it.
 */
export type Theme =
  | 'anything'
  | 'disks'
  | 'leases'
  | 'snapshots'
  | 'members'
  | 'usurpers'
  | 'witnesses'
  | 'rivals'
  | 'strangers'
  | 'alone';

export const themes: readonly [Theme, ...Theme[]] = [
  'anything',
  'disks',
  'leases',
  'snapshots',
  'members',
  'usurpers',
  'witnesses',
  'rivals',
  'alone',
];

/** What happens to a node, its disk, its clock or its links. */
export type Accident =
  | 'cut'
  | 'cut-one-way'
  | 'split'
  | 'heal'
  | 'crash'
  | 'crash-all'
  | 'pause'
  | 'clock-jump'
  | 'slow-disk'
  | 'hung-disk'
  | 'disk-error'
  | 'full-disk'
  | 'damage'
  | 'bad-snapshot'
  | 'wipe';

/** What somebody asks for, and schemes of several steps. */
export type Scheme =
  | 'unreachable'
  | 'configure'
  | 'transfer'
  | 'campaign'
  | 'change'
  | 'burst'
  | 'usurp'
  | 'fork'
  | 'lag'
  | 'replay'
  | 'overthrow'
  | 'ambush'
  | 'snapshot';

export type Fault = Accident | Scheme;

const all: readonly Fault[] = [
  'cut',
  'cut-one-way',
  'split',
  'crash',
  'crash-all',
  'pause',
  'clock-jump',
  'slow-disk',
  'hung-disk',
  'disk-error',
  'full-disk',
  'damage',
  'bad-snapshot',
  'wipe',
  'unreachable',
  'configure',
  'transfer',
  'campaign',
  'change',
  'snapshot',
  'usurp',
  'lag',
  'replay',
  'ambush',
];

export function swarm(seed: number, theme?: Theme): Swarm {
  const random = new Random(seed ^ 0x5eed);
  const drawn = random.chance(0.5) ? 'anything' : random.pick<Theme>(themes);
  const chosen = all.filter(() => random.chance(0.6));
  const faults: readonly [Fault, ...Fault[]] = [
    'heal',
    ...chosen,
    'heal',
    'burst',
    'overthrow',
    'change',
  ];
  const anything: Swarm = {
    theme: 'anything',
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
    letters: random.pick([0, 0.5]),
    mixed: random.chance(0.3),
    preVote: 0.7,
    settings: settingsFrom(random),
  };
  return themed(anything, theme ?? drawn, random);
}

function settingsFrom(random: Random): Partial<Settings> {
  const isSmall = random.chance(0.5);
  return {
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
    chunkBytes: CHUNK_BYTES,
    chunksMax: 2,
    appendsMax: random.pick([1, 3, 16]),
  };
}

/** What happens in worlds that are about one thing. */
const faultsOf: Readonly<Record<Exclude<Theme, 'anything'>, readonly [Fault, ...Fault[]]>> = {
  disks: [
    'damage',
    'damage',
    'bad-snapshot',
    'wipe',
    'disk-error',
    'full-disk',
    'crash',
    'snapshot',
    'usurp',
    'burst',
    'heal',
  ],
  leases: ['overthrow', 'overthrow', 'overthrow', 'heal', 'crash', 'burst'],
  snapshots: ['lag', 'lag', 'lag', 'usurp', 'ambush', 'heal', 'burst', 'change', 'snapshot'],
  members: ['change', 'change', 'change', 'usurp', 'cut', 'crash', 'lag', 'heal', 'wipe'],
  usurpers: ['usurp', 'usurp', 'fork', 'fork', 'burst', 'heal', 'split', 'crash', 'campaign'],
  witnesses: ['change', 'change', 'change', 'cut', 'crash', 'usurp', 'burst', 'heal'],
  rivals: ['change', 'change', 'change', 'cut', 'cut', 'crash', 'campaign', 'usurp', 'heal'],
  strangers: ['heal'],
  alone: ['crash', 'crash-all', 'heal', 'burst', 'snapshot', 'disk-error', 'full-disk'],
};

function themed(anything: Swarm, theme: Theme, random: Random): Swarm {
  if (theme === 'anything') return anything;
  const changes = changesFor(theme, anything.settings, random);
  return { ...anything, theme, faults: faultsOf[theme], ...changes };
}

function changesFor(
  theme: Exclude<Theme, 'anything'>,
  settings: Partial<Settings>,
  random: Random,
): Partial<Swarm> {
  switch (theme) {
    case 'disks':
      return { voters: random.pick([3, 3, 5]), loss: 0 };
    case 'leases':
      return {
        voters: random.pick([3, 3, 5]),
        drift: 0.02,
        loss: 0,
        delayMax: 2, // All quick: much can happen before a leader knows that it is none.
        diskDelayMax: 1,
        applyDelayMax: 1,
        calm: 120,
        settings: { ...settings, leaseReads: random.chance(0.7), quietTicks: 0 },
        mixed: false,
      };
    case 'snapshots':
      return {
        voters: random.pick([3, 3, 5]),
        loss: random.pick([0, 0.02]),
        delayMax: random.pick([2, 10]),
        diskDelayMax: random.pick([5, 20, 60]),
        applyDelayMax: random.pick([10, 50, 150]),
      };
    case 'members':
      return {
        voters: random.pick([2, 3, 3, 4]),
        loss: random.pick([0, 0.1]),
        witness: random.chance(0.5),
        settings: { ...settings, quietTicks: random.pick([0, 5]) },
      };
    case 'usurpers':
      return {
        voters: random.pick([3, 5, 5, 5]),
        loss: 0,
        delayMax: random.pick([2, 10]),
        diskDelayMax: random.pick([1, 5]),
        settings: { ...settings, quietTicks: 0, messageEntriesMax: random.pick([1, 3]) },
        letters: 1,
      };
    case 'witnesses':
      return { voters: random.pick([2, 3, 3]), loss: 0, witness: true };
    case 'rivals':
      return {
        voters: random.pick([2, 3, 3]),
        loss: 0,
        preVote: 0.2, // Impatient and patient ones, most of whom do not ask before they stand.
        mixed: true,
        settings: { ...settings, quietTicks: 0 },
        witness: false,
      };
    case 'strangers':
      return {
        voters: 3,
        loss: 0,
        delayMax: 10,
        diskDelayMax: 5,
        witness: false,
        mixed: false,
        settings: { chunkBytes: CHUNK_BYTES },
      };
    case 'alone':
      return { voters: random.pick([1, 1, 2]) };
  }
}
