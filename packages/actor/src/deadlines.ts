import type { Env, Timer } from './env.ts';

/** A deadline is met never early, and late by less than two of these. */
const TICK_MS = 16;
/** A turn of the wheel, a power of two: 512 × 16 ms is about 8 s; longer waits go round again. */
const SLOTS = 512;

/** What can expire. The three fields belong to `Deadlines`; each is in one wheel at most. */
export interface Expiring {
  wheelNext: Expiring | undefined;
  wheelPrevious: Expiring | undefined;
  /** The tick it falls due at; -1 when it is in no wheel. */
  dueTick: number;
  expire(): void;
}

/**
 * A hashed timer wheel: nearly every call is answered long before its deadline, so adding and
 * removing must cost a few field writes, not a timer of the platform's (30 times as much).
 * One timer of the `Env` runs, and only while a deadline waits.
 *
 * What was added since the last tick has no slot yet. Should the event loop stand still, nobody can
 * tell when in that time it was added, and it is put off by all of it: late, that once, not early.
 * @see Varghese & Lauck 1987, "Hashed and Hierarchical Timing Wheels", scheme 6
 */
export class Deadlines {
  readonly #env: Env;
  readonly #slots: (Expiring | undefined)[] = new Array<Expiring | undefined>(SLOTS).fill(
    undefined,
  );
  /** Added since the last tick; nearly all leave before the next. */
  #fresh: Expiring | undefined;
  #size = 0;
  #tick = 0;
  #tickAt = 0;
  #timer: Timer | undefined;

  constructor(env: Env) {
    this.#env = env;
  }

  get size(): number {
    return this.#size;
  }

  add(item: Expiring, timeoutMs: number): void {
    if (this.#timer === undefined) this.#wake();
    // One tick more: the present tick is partly gone, and a deadline must not come early.
    item.dueTick = this.#tick + Math.ceil(timeoutMs / TICK_MS) + 1;
    const first = this.#fresh;
    item.wheelNext = first;
    item.wheelPrevious = undefined;
    if (first !== undefined) first.wheelPrevious = item;
    this.#fresh = item;
    this.#size += 1;
  }

  /**
   * Milliseconds until `dueTick`; 0 when it has gone by. Without the tick that `add` puts on top:
   * time that is passed on, however often, falls due no later than a tick after it.
   */
  remainingMs(dueTick: number): number {
    if (dueTick <= this.#tick) return 0;
    return Math.max(1, (dueTick - this.#tick - 1) * TICK_MS);
  }

  /** Harmless when `item` has expired or was never added. */
  remove(item: Expiring): void {
    if (item.dueTick === -1) return;
    const { wheelNext, wheelPrevious } = item;
    if (wheelPrevious !== undefined) wheelPrevious.wheelNext = wheelNext;
    else if (this.#fresh === item) this.#fresh = wheelNext;
    else this.#slots[item.dueTick % SLOTS] = wheelNext;
    if (wheelNext !== undefined) wheelNext.wheelPrevious = wheelPrevious;
    item.wheelNext = item.wheelPrevious = undefined;
    item.dueTick = -1;
    this.#size -= 1;
  }

  /** Forgets the platform's timer, so that nothing keeps the process alive. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wake(): void {
    this.#tickAt = this.#env.now();
    this.#timer = this.#env.setTimer(TICK_MS, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    const now = this.#env.now();
    // After a stall many ticks are due at once; one round visits every slot, so more are no use.
    const ticks = Math.floor((now - this.#tickAt) / TICK_MS);
    const visits = Math.min(ticks, SLOTS);
    this.#tickAt += ticks * TICK_MS;
    const from = this.#tick;
    if (ticks > 0) this.#settle(ticks - 1);
    this.#tick += ticks;
    for (let visit = ticks - visits + 1; visit <= ticks; visit += 1) {
      this.#expireSlot((from + visit) % SLOTS);
    }
    this.#timer = this.#size === 0 ? undefined : this.#env.setTimer(TICK_MS, this.#onTimer);
  };

  /** Gives what was added since the last tick its slots, `stalledTicks` later than it was meant. */
  #settle(stalledTicks: number): void {
    let item = this.#fresh;
    this.#fresh = undefined;
    while (item !== undefined) {
      const next: Expiring | undefined = item.wheelNext;
      item.dueTick += stalledTicks;
      const slot = item.dueTick % SLOTS;
      const first = this.#slots[slot];
      item.wheelNext = first;
      item.wheelPrevious = undefined;
      if (first !== undefined) first.wheelPrevious = item;
      this.#slots[slot] = item;
      item = next;
    }
  }

  #expireSlot(slot: number): void {
    let item = this.#slots[slot];
    while (item !== undefined) {
      const next = item.wheelNext;
      const isDue = item.dueTick <= this.#tick;
      if (isDue) {
        this.remove(item);
        item.expire();
      }
      // Expiring one may take out another: when that is the next, the way on is lost.
      const isLost = isDue && next?.dueTick === -1;
      item = isLost ? this.#slots[slot] : next;
    }
  }
}
