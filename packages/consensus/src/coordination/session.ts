import { type Env, type Receiver, type Timer, watch, type Watch } from '@troupe/actor';
import { backgroundTimer } from '../background-timer.ts';
import { GroupClosed } from '../errors.ts';
import type { Replica } from '../replicate.ts';
import { topics } from './claim-table.ts';
import type { CoordinationMachine } from './coordination-machine.ts';
import type { LocalView } from './local-view.ts';

/**
 * `safe`: all that it holds is held. `jeopardy`: it could not be renewed in time, so nobody can
 * tell. `expired`: nothing is held any more.
 */
export type SessionState = 'safe' | 'jeopardy' | 'expired';

export interface SessionOptions {
  /**
   * Milliseconds without a sign of life after which the group gives back what is held. The session
   * itself trusts only four fifths of it, from the sending of a renewal on, so clocks may run at
   * rates that differ by a quarter. 100 … 86,400,000; default: 10,000.
   */
  readonly ttlMs?: number;
  /** Milliseconds in jeopardy after which the session gives up by itself. Default: 45,000. */
  readonly graceMs?: number;
}

export interface SessionParts {
  readonly env: Env;
  readonly replica: Replica<CoordinationMachine>;
  readonly view: LocalView;
}

export const SESSION_TTL_MS = 10_000;
export const SESSION_GRACE_MS = 45_000;
/** Of the group's time, what the owner trusts; the rest is for clocks that differ. */
const TRUSTED = 0.8;
/** Renewals in one time to live. */
const RENEWALS = 4;

/** A lease of the group that is renewed as long as this process lives, and what hangs on it. */
export class Session {
  /** For `lease` of a key, which then goes with the session. */
  readonly id: number;
  readonly ttlMs: number;
  readonly #graceMs: number;
  readonly #parts: SessionParts;
  readonly #states: Watch<SessionState>;
  readonly #inDanger = new Set<(state: 'jeopardy' | 'expired') => void>();
  readonly #forget: () => void;
  #trustedUntil: Instant;
  #tickets = 0;
  #renewal: Timer | undefined;
  #deadline: Timer | undefined;

  /** @param begunAt by the clocks of this node, before the lease was asked for */
  constructor(
    parts: SessionParts,
    {
      id,
      begunAt,
      ttlMs,
      graceMs,
    }: { id: number; begunAt: Instant; ttlMs: number; graceMs: number },
  ) {
    const { env, view } = parts;
    this.id = id;
    this.ttlMs = ttlMs;
    this.#graceMs = graceMs;
    this.#parts = parts;
    this.#states = watch<SessionState>('safe', { env });
    this.#trustedUntil = later(begunAt, ttlMs * TRUSTED);
    this.#forget = view.on(topics.lease(id), () => {
      if (!view.machine.leases.has(id)) this.end();
    });
    this.#watchTime();
    this.#renewIn(ttlMs / RENEWALS);
  }

  /** Looked up by the clock, so that it is right after a pause of the process, too. */
  get state(): SessionState {
    if (this.#states.value === 'safe' && this.remainingMs === 0) this.#endanger();
    return this.#states.value;
  }

  /**
   * Milliseconds for which it is certain that all is still held, if nothing is heard any more: by
   * the clock that says less. The one that never jumps may stand still while the machine sleeps.
   */
  get remainingMs(): number {
    if (this.#states.value === 'expired') return 0;
    const now = instant(this.#parts.env);
    const { monotonicMs, wallMs } = this.#trustedUntil;
    return Math.max(0, Math.min(monotonicMs - now.monotonicMs, wallMs - now.wallMs));
  }

  /** The present state first, then the latest whenever it has changed; ends with `expired`. */
  events(): Receiver<SessionState> {
    return this.#states.subscribe();
  }

  /** @returns one that this session has not had yet, for a claim */
  nextTicket(): number {
    return (this.#tickets += 1);
  }

  /**
   * Calls `run` once, when what is held may be lost, or is.
   * @returns ends it
   */
  onDanger(run: (state: 'jeopardy' | 'expired') => void): () => void {
    this.#inDanger.add(run);
    return () => this.#inDanger.delete(run);
  }

  /** Ends it here; what the group knows of it ends with its time. */
  end(): void {
    if (this.#states.value === 'expired') return;
    this.#renewal?.cancel();
    this.#deadline?.cancel();
    this.#forget();
    this.#states.set('expired');
    this.#states.close();
    this.#alarm('expired');
  }

  #renewIn(ms: number): void {
    this.#renewal = backgroundTimer(this.#parts.env, ms, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { env, replica } = this.#parts;
    const sentAt = instant(env);
    void this.state; // Whoever was asleep is told now, and not when the clock that slept says so.
    try {
      const isThere = await replica.with({ timeoutMs: this.ttlMs / 2 }).renewLease(this.id);
      if (isThere) this.#renewed(sentAt);
      else this.end();
    } catch (error) {
      if (error instanceof GroupClosed) this.end(); // Nobody here could renew it.
    }
    if (this.#states.value === 'expired') return;
    const every = this.ttlMs / RENEWALS;
    this.#renewIn(Math.max(every / RENEWALS, sentAt.monotonicMs + every - env.now()));
  }

  /** @param sentAt when the renewal set out: the group counts from a later moment */
  #renewed(sentAt: Instant): void {
    if (this.#states.value === 'expired') return;
    const until = later(sentAt, this.ttlMs * TRUSTED);
    if (until.monotonicMs > this.#trustedUntil.monotonicMs) this.#trustedUntil = until;
    if (this.remainingMs === 0) return;
    if (this.#states.value === 'jeopardy') this.#states.set('safe');
    this.#watchTime();
  }

  #watchTime(): void {
    this.#deadline?.cancel();
    // Whole milliseconds: a timer for the rest of one may fire before that has gone by.
    this.#deadline = backgroundTimer(this.#parts.env, Math.ceil(this.remainingMs), () => {
      if (this.remainingMs > 0) this.#watchTime();
      else this.#endanger();
    });
  }

  #endanger(): void {
    if (this.#states.value !== 'safe') return;
    this.#states.set('jeopardy');
    this.#deadline?.cancel();
    this.#deadline = backgroundTimer(this.#parts.env, this.#graceMs, () => this.end());
    this.#alarm('jeopardy');
  }

  #alarm(state: 'jeopardy' | 'expired'): void {
    const runs = [...this.#inDanger];
    this.#inDanger.clear();
    for (const run of runs) run(state);
  }
}

/** A moment, by both clocks. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function instant(env: Env): Instant {
  return { monotonicMs: env.now(), wallMs: env.wallTime() };
}

function later({ monotonicMs, wallMs }: Instant, byMs: number): Instant {
  return { monotonicMs: monotonicMs + byMs, wallMs: wallMs + byMs };
}
