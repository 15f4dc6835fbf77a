import type { ReadOptions } from '../consensus.ts';
import { PERMITS_MAX } from './bounds.ts';
import { type Holder, topics } from './claim-table.ts';
import type { Claims } from './claims.ts';
import type { CoordinationParts } from './coordination-parts.ts';
import { LeaseExpired } from './errors.ts';
import { Held, type HeldParts } from './held.ts';
import { checkName, checkValue } from './key-store.ts';
import type { WaitLimits } from './patience.ts';
import { ValueCodec } from './values.ts';

/** Who is elected, as everybody may know. */
export interface Leader {
  /** What it said of itself, when it stood or since. */
  readonly value: unknown;
  /** Grows with every leader of this election. */
  readonly token: number;
}

export interface CampaignOptions extends WaitLimits {
  /** What everybody may know of the leader: its address, for example. Default: null. */
  readonly value?: unknown;
  /** As for locks. Default: 0. */
  readonly lockDelayMs?: number;
}

export interface ObserveOptions {
  readonly signal?: AbortSignal;
}

/** Elections by name: of all that stand one is the leader, until it resigns or its session ends. */
export class Elections {
  readonly #claims: Claims;
  readonly #parts: CoordinationParts;
  readonly #values = new ValueCodec();

  constructor(claims: Claims) {
    this.#claims = claims;
    this.#parts = claims.parts;
  }

  /**
   * Stands, and waits until it is elected. Those who stand are elected in the order in which they
   * began to.
   * @throws {DeadlineExceeded} {Cancelled} {Overloaded} executed: no; it stands no more
   */
  async campaign(name: string, options: CampaignOptions = {}): Promise<Leadership> {
    const { value = null, lockDelayMs: delayMs = 0 } = options;
    const wish = {
      resource: resourceOf(name),
      size: PERMITS_MAX,
      take: PERMITS_MAX,
      wait: true,
      delayMs,
      value: this.#encode(value),
    };
    const proclaim = async (held: HeldParts, said: unknown): Promise<void> => {
      const bytes = this.#encode(said);
      const { session, ticket } = held;
      const isHeld = await this.#parts.replica.revalue(session.id, ticket, bytes);
      if (!isHeld) throw new LeaseExpired(session.id);
    };
    const make = (parts: HeldParts): Leadership => new Leadership(parts, proclaim);
    const leadership = await this.#claims.claim(wish, options, make);
    if (leadership !== undefined) return leadership;
    throw new Error(`BUG: election ${name} was refused to who would wait`);
  }

  /** Who leads now; undefined: nobody does. */
  async leader(name: string, options: ReadOptions = {}): Promise<Leader | undefined> {
    const [holder] = await this.#parts.replica.with(options).holders(resourceOf(name));
    return this.#leader(holder);
  }

  /**
   * The leader there is now, and whoever leads whenever that has changed, or what it says of
   * itself; undefined: nobody. Who reads slowly misses leaders in between, never the latest.
   * @throws {DeadlineExceeded} {GroupClosed} executed: no; and it has ended
   */
  async *observe(
    name: string,
    { signal = new AbortController().signal }: ObserveOptions = {},
  ): AsyncGenerator<Leader | undefined, void, void> {
    const resource = resourceOf(name);
    let told: Holder | undefined | null = null; // Nobody has been told anything.
    await this.#parts.replica.with({ signal }).holders(resource); // All up to here is here.
    while (!signal.aborted) {
      const next = await this.#parts.view
        .until(
          topics.resource(resource),
          ({ claims }) => {
            const [holder] = claims.holders(resource);
            return told !== null && isSame(told, holder) ? undefined : { holder };
          },
          signal,
        )
        .catch((error: unknown) => {
          if (!signal.aborted) throw error;
          return undefined;
        });
      if (next === undefined) return;
      told = next.holder;
      yield this.#leader(told);
    }
  }

  #leader(holder: Holder | undefined): Leader | undefined {
    if (holder === undefined) return undefined;
    const { token, value } = holder;
    return { value: value === null ? null : this.#values.decode(value), token };
  }

  #encode(value: unknown): Uint8Array {
    const bytes = this.#values.encode(value);
    checkValue(bytes);
    return bytes;
  }
}

/** To lead, for as long as this process's session lives, or until it resigns. */
export class Leadership extends Held {
  readonly #held: HeldParts;
  readonly #proclaim: (held: HeldParts, value: unknown) => Promise<void>;

  constructor(held: HeldParts, proclaim: (held: HeldParts, value: unknown) => Promise<void>) {
    super(held);
    this.#held = held;
    this.#proclaim = proclaim;
  }

  /**
   * Says something else of this leader from now on.
   * @throws {LeaseExpired} executed: no; it leads no more
   */
  proclaim(value: unknown): Promise<void> {
    return this.#proclaim(this.#held, value);
  }

  /** The same as `release`. */
  resign(): Promise<void> {
    return this.release();
  }
}

function isSame(a: Holder | undefined, b: Holder | undefined): boolean {
  return a?.token === b?.token && a?.value === b?.value;
}

function resourceOf(name: string): string {
  checkName('the name of an election', name);
  return `election ${name}`;
}
