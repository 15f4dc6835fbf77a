import type { ReadOptions } from '../consensus.ts';
import { LOCK_DELAY_MS_MAX, PERMITS_MAX } from './bounds.ts';
import { type Holder, topics } from './claim-table.ts';
import type { Claims } from './claims.ts';
import type { CoordinationMachine } from './coordination-machine.ts';
import type { CoordinationParts } from './coordination-parts.ts';
import { NotHeld } from './errors.ts';
import { Given } from './given.ts';
import { Held, type HeldParts } from './held.ts';
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
  /**
   * What everybody may know of the leader: its address, for example. Plain data, 256 KiB at most.
   * Default: null.
   */
  readonly value?: unknown;
  /** As for locks. Default: 0. */
  readonly lockDelayMs?: number;
}

export interface ObserveOptions {
  readonly signal?: AbortSignal;
}

/** What observers are told; that nobody leads, too. */
interface News {
  readonly holder: Holder | undefined;
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
   * @throws {BadArguments} {NotSerializable} executed: no
   */
  async campaign(name: string, options: CampaignOptions = {}): Promise<Leadership> {
    const given = new Given('elections', 'campaign');
    const resource = resourceOf(given, name);
    given.wait(options, ['value', 'lockDelayMs']);
    const { value = null, lockDelayMs: delayMs = 0 } = options;
    given.integer('lockDelayMs', delayMs, [0, LOCK_DELAY_MS_MAX]);
    const wish = {
      resource,
      size: PERMITS_MAX,
      take: PERMITS_MAX,
      delayMs,
      value: this.#encode(given, value),
    };
    const proclaim = async (held: HeldParts, said: unknown): Promise<void> => {
      const bytes = this.#encode(new Given('leadership', 'proclaim'), said);
      const { session, ticket, what, token } = held;
      const isHeld = await this.#parts.replica.revalue(session.id, ticket, bytes);
      if (!isHeld) throw new NotHeld(what, token);
    };
    const make = (parts: HeldParts): Leadership => new Leadership(parts, proclaim);
    return await this.#claims.claim(wish, options, make);
  }

  /** Who leads now; undefined: nobody does. */
  async leader(name: string, options: ReadOptions = {}): Promise<Leader | undefined> {
    const given = new Given('elections', 'leader');
    const resource = resourceOf(given, name);
    given.request(options);
    const [holder] = await this.#parts.replica.with(options).holders(resource);
    return this.#leader(holder);
  }

  /**
   * The leader there is now, and whoever leads whenever that has changed, or what it says of
   * itself; undefined: nobody. Who reads slowly misses leaders in between, never the latest.
   * @throws {DeadlineExceeded} {GroupClosed} executed: no; and it has ended
   */
  observe(
    name: string,
    options: ObserveOptions = {},
  ): AsyncGenerator<Leader | undefined, void, void> {
    const given = new Given('elections', 'observe');
    const resource = resourceOf(given, name);
    given.object('options', options, '{ signal }');
    given.names(options, ['signal']);
    const { signal } = options;
    if (signal !== undefined) given.signal(signal);
    const ended = new AbortController();
    const end = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
    const leaders = this.#observe(resource, end);
    const finish = leaders.return.bind(leaders);
    // A generator that waits for the next leader would not hear of it before there is one.
    leaders.return = (result) => {
      ended.abort();
      return finish(result);
    };
    return leaders;
  }

  async *#observe(
    resource: string,
    signal: AbortSignal,
  ): AsyncGenerator<Leader | undefined, void, void> {
    let told: News | undefined;
    const find = ({ claims }: CoordinationMachine): News | undefined => {
      const [holder] = claims.holders(resource);
      return told && isSame(told.holder, holder) ? undefined : { holder };
    };
    try {
      await this.#parts.replica.with({ signal }).holders(resource); // All up to here is here.
      while (!signal.aborted) {
        told = await this.#parts.view.until(topics.resource(resource), find, signal);
        yield this.#leader(told.holder);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #leader(holder: Holder | undefined): Leader | undefined {
    if (holder === undefined) return undefined;
    const { token, value } = holder;
    return { value: value === null ? null : this.#values.decode(value), token };
  }

  #encode(given: Given, value: unknown): Uint8Array {
    const bytes = this.#values.encode(value);
    given.value('value', bytes);
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
   * @throws {NotHeld} executed: no; it leads no more
   */
  proclaim(value: unknown): Promise<void> {
    return this.#proclaim(this.#held, value);
  }

  /** The same as `release`. */
  resign(): Promise<void> {
    return this.release();
  }
}

/** A snapshot brings others, with the same bytes. */
function isSame(a: Holder | undefined, b: Holder | undefined): boolean {
  if (a?.token !== b?.token) return false;
  const [before, now] = [a?.value, b?.value];
  return before && now ? Buffer.compare(before, now) === 0 : before === now;
}

function resourceOf(given: Given, name: string): string {
  given.name('name', name);
  return `election ${name}`;
}
