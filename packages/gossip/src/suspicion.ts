import type { Settings } from './settings.ts';

/** Accusers remembered; more change nothing. */
const ACCUSERS_MAX = 8;
/** Silences of the one who suspects after which a suspect has its time anew. */
const RENEWALS_MAX = 3;

/**
 * How long one suspect still has. Each independent accuser shortens it, from the most to the
 * least: one accuser may be the one at fault, several hardly are.
 * @see Lifeguard §IV-B
 */
export class Suspicion {
  readonly by: string;
  /** Since when it counts whether the suspect is heard. */
  startedAtMs: number;
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #needed: number;
  readonly #accusers: Set<string>;
  #postponedMs = 0;
  #notBeforeMs = -Infinity;
  #renewals = 0;
  dueAtMs: number;

  constructor(
    by: string,
    nowMs: number,
    options: { readonly minMs: number; readonly maxMs: number; readonly needed: number },
  ) {
    this.by = by;
    this.startedAtMs = Math.floor(nowMs);
    this.#minMs = options.minMs;
    this.#maxMs = options.maxMs;
    this.#needed = options.needed;
    this.#accusers = new Set([by]);
    this.dueAtMs = nowMs + suspicionMs(0, options);
  }

  get confirmations(): number {
    return this.#accusers.size - 1;
  }

  /** @returns whether this accuser is a new one, that others should hear of */
  confirm(by: string, nowMs: number): boolean {
    if (this.confirmations >= this.#needed || this.#accusers.has(by)) return false;
    if (this.#accusers.size === ACCUSERS_MAX) return false;
    this.#accusers.add(by);
    const time = { minMs: this.#minMs, maxMs: this.#maxMs, needed: this.#needed };
    this.#endAfter(suspicionMs(this.confirmations, time), nowMs);
    return true;
  }

  /** As if all accusers that could be needed had confirmed it. */
  hasten(nowMs: number): void {
    this.#endAfter(this.#minMs, nowMs);
  }

  #endAfter(ms: number, nowMs: number): void {
    const dueAtMs = this.startedAtMs + this.#postponedMs + ms;
    // Not in the past, which would look as if somebody had been late to judge.
    this.dueAtMs = Math.min(this.dueAtMs, Math.max(dueAtMs, nowMs, this.#notBeforeMs));
  }

  /** Whether half of the least time to object has gone by. */
  isHalfOver(nowMs: number): boolean {
    const halfAtMs = this.startedAtMs + this.#postponedMs + this.#minMs / 2;
    return nowMs >= Math.max(halfAtMs, this.#notBeforeMs);
  }

  /** The suspect was heard: from now on it has the least time once more. */
  beginAnew(nowMs: number): void {
    this.startedAtMs = Math.floor(nowMs);
    this.#postponedMs = 0;
    this.dueAtMs = Math.max(nowMs + this.#minMs, this.#notBeforeMs);
  }

  /**
   * Its objection was not heard: it has the least time anew, whoever confirms it and however long
   * it has lasted. Not time after time, since there may never be one.
   */
  renew(nowMs: number): void {
    if (this.#renewals === RENEWALS_MAX) return;
    this.#renewals += 1;
    this.#notBeforeMs = nowMs + this.#minMs;
    this.dueAtMs = Math.max(this.dueAtMs, this.#notBeforeMs);
  }

  /** Time that does not count. */
  postpone(byMs: number): void {
    this.#postponedMs += byMs;
    this.dueAtMs += byMs;
  }
}

/** `max(min, max - (max - min) · log(C + 1) / log(K + 1))`, of Lifeguard §IV-B. */
export function suspicionMs(
  confirmations: number,
  time: { readonly minMs: number; readonly maxMs: number; readonly needed: number },
): number {
  const { minMs, maxMs, needed } = time;
  if (needed < 1) return minMs;
  const part = Math.log(confirmations + 1) / Math.log(needed + 1);
  return Math.max(minMs, maxMs - (maxMs - minMs) * part);
}

/** For one among `members`, self included. */
export function suspicionTimes(
  settings: Settings,
  members: number,
): { readonly minMs: number; readonly maxMs: number; readonly needed: number } {
  const { suspicionFactor, suspicionScaleMin, suspicionMaxFactor, confirmations } = settings;
  const scale = Math.max(suspicionScaleMin, Math.log10(Math.max(1, members)));
  const minMs = suspicionFactor * scale * settings.periodMs;
  // With too few members nobody is left to confirm: waiting for it would only take longer.
  const needed = members - 2 < confirmations ? 0 : confirmations;
  return { minMs, maxMs: minMs * suspicionMaxFactor, needed };
}
