import type { Env, Timer } from '@troupe/actor';
import { backgroundTimer } from '../background-timer.ts';
import type { Consensus } from '../consensus.ts';
import type { Outcome } from '../machine-entry.ts';
import type { Replica } from '../replicate.ts';
import type { CoordinationMachine, Elapsed } from './coordination-machine.ts';
import type { LocalView } from './local-view.ts';

/** How often it is looked at what has run out. */
const CHECK_MS = 100;
/** Leases, and delays, that end in one entry at most. */
const BATCH = 256;

export interface CustodianParts {
  readonly env: Env;
  readonly group: Consensus<Outcome>;
  readonly replica: Replica<CoordinationMachine>;
  readonly view: LocalView;
}

/**
 * Watches the time for the machine, which has no clock: on the node that leads, it proposes that
 * what has been idle for its time ends. It counts from when this node has led and known of the last
 * sign of life, so a new leader gives everybody the full time; and the machine believes only who
 * leads in the epoch in which the entry stands.
 */
export class Custodian {
  readonly #parts: CustodianParts;
  #timer: Timer;
  #lastAt: number;
  /** The epoch that this node leads in; 0 while it does not. */
  #epoch = 0;
  /** When a lease was seen to be renewed at that entry; and a delay, to have begun there. */
  #leases = new Map<number, Sight>();
  #delays = new Map<string, Sight>();
  #isProposing = false;

  constructor(parts: CustodianParts) {
    this.#parts = parts;
    this.#lastAt = parts.env.now();
    this.#timer = this.#checkLater();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #checkLater(): Timer {
    return backgroundTimer(this.#parts.env, CHECK_MS, () => {
      this.#timer = this.#checkLater();
      this.#check();
    });
  }

  #check(): void {
    const { env, group, view } = this.#parts;
    const now = env.now();
    const late = now - this.#lastAt - CHECK_MS;
    this.#lastAt = now;
    const { role, epoch } = group.status();
    if (role !== 'leader' || epoch !== this.#epoch) {
      this.#epoch = role === 'leader' ? epoch : 0;
      this.#leases.clear();
      this.#delays.clear();
      if (this.#epoch === 0) return;
    }
    // What happened while this process stood still has not been read yet, so that time is nobody's.
    const pause = late > CHECK_MS ? late : 0;
    const { leases, claims } = view.machine;
    this.#leases = seen(this.#leases, leasesOf(leases.entries()), { now, pause });
    this.#delays = seen(this.#delays, delaysOf(claims.delays()), { now, pause });
    if (!this.#isProposing) this.#propose(now);
  }

  #propose(now: number): void {
    const elapsed: Elapsed = {
      epoch: this.#epoch,
      leases: overdue(this.#leases, now),
      delays: overdue(this.#delays, now),
    };
    if (elapsed.leases.length + elapsed.delays.length === 0) return;
    this.#isProposing = true;
    // One that comes to nothing is proposed anew, by whoever leads then.
    const proposing = this.#parts.replica.with({ timeoutMs: 2_000 }).elapsed(elapsed);
    const done = (): void => void (this.#isProposing = false);
    proposing.then(done, done);
  }
}

/** Something whose time runs, since when by this clock, and at which entry it began. */
interface Sight {
  readonly since: number;
  readonly entry: number;
  readonly ms: number;
}

type Running<K> = readonly [key: K, entry: number, ms: number];

function* leasesOf(
  entries: Iterable<{ readonly id: number; readonly ttlMs: number; readonly renewed: number }>,
): Iterable<Running<number>> {
  for (const { id, ttlMs, renewed } of entries) yield [id, renewed, ttlMs];
}

function* delaysOf(
  delays: Iterable<{ readonly name: string; readonly since: number; readonly ms: number }>,
): Iterable<Running<string>> {
  for (const { name, since, ms } of delays) yield [name, since, ms];
}

/** What was seen before, and is still the same, has been running since then. */
function seen<K>(
  before: ReadonlyMap<K, Sight>,
  running: Iterable<Running<K>>,
  { now, pause }: { readonly now: number; readonly pause: number },
): Map<K, Sight> {
  const sights = new Map<K, Sight>();
  for (const [key, entry, ms] of running) {
    const known = before.get(key);
    const since = known?.entry === entry ? known.since + pause : now;
    sights.set(key, { since, entry, ms });
  }
  return sights;
}

function overdue<K>(sights: ReadonlyMap<K, Sight>, now: number): (readonly [K, number])[] {
  const due: (readonly [K, number])[] = [];
  for (const [key, { since, entry, ms }] of sights) {
    if (now - since >= ms && due.push([key, entry]) === BATCH) break;
  }
  return due;
}
