/** How one member behaves. All durations in milliseconds; all members should have the same. */
export interface Settings {
  /** Between two probes of members in turn; a member that is not well takes longer. */
  readonly periodMs: number;
  /**
   * Between two probes of the member next to this one on the ring, and how long any probe lasts.
   * 0: there are none of the ring, and others last `periodMs`.
   */
  readonly ringPeriodMs: number;
  /** Before others are asked to probe, within the period. */
  readonly probeTimeoutMs: number;
  /** Before the target is asked a second time, within the timeout. 0: it is not. */
  readonly askAgainAfterMs: number;
  /** How many others are asked to probe. */
  readonly indirectProbes: number;
  /** Whether a stream is tried when datagrams are not answered. */
  readonly streamFallback: boolean;
  /** Between two rounds of gossip, while there is something to tell. */
  readonly gossipPeriodMs: number;
  /** Members told in one round. */
  readonly gossipFanout: number;
  /** How long one that failed is still told, so that it can object. */
  readonly gossipToFailedMs: number;
  /** Each piece of news is sent this many times log10(members + 1) times. */
  readonly retransmitFactor: number;
  /** A suspect has at least this many periods times log10(members) to object. */
  readonly suspicionFactor: number;
  /** Under which `log10(members)` does not fall. */
  readonly suspicionScaleMin: number;
  /** How many times longer it has while nobody confirms the suspicion. 1: no longer. */
  readonly suspicionMaxFactor: number;
  /** Accusers beyond the first after which it has the least time. */
  readonly confirmations: number;
  /** An accuser that thinks itself less well than this confirms nothing. */
  readonly credibleHealthMax: number;
  /** How far this member doubts its own health: periods grow up to this many times. 0: never. */
  readonly healthMax: number;
  /** Whether the probe timeout grows with the period, as in the paper. */
  readonly scaleTimeout: boolean;
  /** When a helper says that it gets no answer: part of the time it was given. 0: never. */
  readonly nackAt: number;
  /** As memberlist does: the helper waits out its own probe timeout instead. */
  readonly nackAtOwnTimeout: boolean;
  /** Whether a suspect is told first of all that it is one. */
  readonly buddy: boolean;
  /** Own accusations in one period; more wait for the next. */
  readonly accusationsMax: number;
  /** Whether bytes from a member, of any kind, show that it lives. */
  readonly passiveEvidence: boolean;
  /** Whether who gets no answers at all looks for the fault with itself. */
  readonly selfDoubt: boolean;
  /** After this long without a word from anybody it believes that all others are gone. */
  readonly lonelyAfterMs: number;
  /** Whether views that differ although all is quiet are compared at once. */
  readonly digestsInPings: boolean;
  /** Members that watch each one on the ring, by a stream and by probes when it is suspected. */
  readonly observers: number;
  /** Between two exchanges of whole views; longer for more than 32 members. */
  readonly syncPeriodMs: number;
  /** Between two calls to members that failed and to seeds that are not members. */
  readonly reviveMs: number;
  /** How long one that is gone is remembered, so that old news of it is known as old. */
  readonly tombstoneMs: number;
  /** Silence in the view after which it is said to be stable. */
  readonly stableAfterMs: number;
  /** How late a tick is before nobody is judged by it. */
  readonly lateMs: number;
  /** Of one datagram, before encryption. */
  readonly packetBytesMax: number;
  /**
   * Known members, those that are gone included, of which the oldest make room for new ones. More
   * are refused. 32,768 at most, since one message names them all.
   */
  readonly membersMax: number;
}

/** SWIM with suspicion as in the paper of 2002, with round-robin probing and nothing else. */
const swim: Settings = {
  periodMs: 1_000,
  ringPeriodMs: 0,
  probeTimeoutMs: 500,
  askAgainAfterMs: 0,
  indirectProbes: 3,
  streamFallback: true,
  gossipPeriodMs: 200,
  gossipFanout: 3,
  gossipToFailedMs: 30_000,
  retransmitFactor: 4,
  suspicionFactor: 5,
  suspicionScaleMin: 1,
  suspicionMaxFactor: 1,
  confirmations: 0,
  credibleHealthMax: 255,
  healthMax: 0,
  scaleTimeout: false,
  nackAt: 0,
  nackAtOwnTimeout: false,
  buddy: false,
  accusationsMax: 1_000,
  passiveEvidence: false,
  selfDoubt: false,
  lonelyAfterMs: 0,
  digestsInPings: false,
  observers: 0,
  syncPeriodMs: 30_000,
  reviveMs: 0,
  tombstoneMs: 86_400_000,
  stableAfterMs: 5_000,
  lateMs: Infinity,
  packetBytesMax: 1_160,
  membersMax: 8_192,
};

/** @see Dadgar, Phillips & Currey 2017, "Lifeguard", with the parameters of its experiments. */
const lifeguard: Settings = {
  ...swim,
  suspicionMaxFactor: 6,
  confirmations: 3,
  healthMax: 8,
  scaleTimeout: true,
  nackAt: 0.8,
  buddy: true,
};

/** HashiCorp's library with its defaults for a local network. */
const memberlist: Settings = {
  ...lifeguard,
  suspicionFactor: 4,
  confirmations: 2,
  scaleTimeout: false,
  nackAtOwnTimeout: true,
};

/** Machines in one data centre. */
const lan: Settings = {
  ...lifeguard,
  periodMs: 2_000,
  ringPeriodMs: 1_000,
  askAgainAfterMs: 250,
  gossipPeriodMs: 50,
  suspicionFactor: 0.5,
  suspicionScaleMin: 2,
  accusationsMax: 4,
  passiveEvidence: true,
  selfDoubt: true,
  lonelyAfterMs: 40_000,
  digestsInPings: true,
  observers: 4,
  credibleHealthMax: 2,
  reviveMs: 10_000,
  lateMs: 200,
};

/** Across the Internet. */
const wan: Settings = {
  ...lan,
  periodMs: 5_000,
  ringPeriodMs: 5_000,
  probeTimeoutMs: 3_000,
  askAgainAfterMs: 1_500,
  gossipPeriodMs: 200,
  gossipToFailedMs: 60_000,
  suspicionFactor: 1,
  syncPeriodMs: 60_000,
  reviveMs: 30_000,
};

/** Processes of one machine. */
const local: Settings = {
  ...lan,
  periodMs: 1_000,
  ringPeriodMs: 500,
  probeTimeoutMs: 200,
  askAgainAfterMs: 100,
  gossipPeriodMs: 20,
  syncPeriodMs: 15_000,
  reviveMs: 2_000,
};

export type Profile = 'lan' | 'wan' | 'local' | 'swim' | 'lifeguard' | 'memberlist';

export const profiles: Readonly<Record<Profile, Settings>> = {
  lan,
  wan,
  local,
  swim,
  lifeguard,
  memberlist,
};

/** With names of 64 letters, what a stream carries in one piece. */
const MEMBERS_MAX = 32_768;

/** @throws {RangeError} when a setting makes no sense, by itself or beside the others */
export function settingsOf(profile: Profile, changes: Partial<Settings> = {}): Settings {
  const settings = { ...profiles[profile], ...changes };
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === 'number' && !(value >= 0)) {
      throw new RangeError(`${name} is ${value}: give a number of at least 0`);
    }
  }
  const { periodMs, ringPeriodMs, probeTimeoutMs, gossipPeriodMs } = settings;
  const { packetBytesMax, membersMax } = settings;
  if (periodMs === 0 || gossipPeriodMs === 0) {
    throw new RangeError('periodMs and gossipPeriodMs must be more than 0');
  }
  if (probeTimeoutMs >= periodMs) {
    throw new RangeError(`probeTimeoutMs is ${probeTimeoutMs}: give less than periodMs`);
  }
  if (ringPeriodMs > 0 && probeTimeoutMs >= ringPeriodMs) {
    throw new RangeError(`ringPeriodMs is ${ringPeriodMs}: give 0 or more than probeTimeoutMs`);
  }
  if (packetBytesMax < 1_000) {
    throw new RangeError(`packetBytesMax is ${packetBytesMax}: one piece of news may need 1,000`);
  }
  if (membersMax > MEMBERS_MAX) {
    throw new RangeError(`membersMax is ${membersMax}: give ${MEMBERS_MAX} at most`);
  }
  return settings;
}
