import type { Replica } from '../replicate.ts';
import { type ClaimRequest, topics } from './claim-table.ts';
import type { CoordinationMachine } from './coordination-machine.ts';
import type { CoordinationParts } from './coordination-parts.ts';
import { LeaseExpired } from './errors.ts';
import type { Held, HeldParts } from './held.ts';
import { Patience, type WaitLimits } from './patience.ts';
import type { Session } from './session.ts';
import { isWorthAnotherTry } from './sessions.ts';

/** Of one attempt; there are as many as patience allows. */
const ATTEMPT_MS = 10_000;
/** For those who do not wait: until it is known whether it can be had at once. */
const ANSWER_MS = 10_000;

/** What is wanted, whatever session it will hang on, and whether or not it is waited for. */
export type Wish = Omit<ClaimRequest, 'lease' | 'ticket' | 'wait'>;

type FirmWish = Wish & Pick<ClaimRequest, 'wait'>;

/**
 * Claims of this node, from the wish until they are held. A claim has a ticket, so it may be made
 * again until its outcome is known; one that nobody waits for any more is given back, and is
 * refused should it come after that.
 */
export class Claims {
  readonly parts: CoordinationParts;

  constructor(parts: CoordinationParts) {
    this.parts = parts;
  }

  /**
   * Waits until it is held.
   * @param make what is handed out, of a claim that is held
   * @throws {DeadlineExceeded} {Cancelled} executed: no; it is not held, and not waited for
   */
  async claim<H extends Held>(
    wish: Wish,
    options: WaitLimits,
    make: (parts: HeldParts) => H,
  ): Promise<H> {
    const held = await this.#claim({ ...wish, wait: true }, options, make);
    if (held !== undefined) return held;
    throw new Error(`BUG: ${wish.resource} was refused to who would wait`);
  }

  /** As `claim`. @returns undefined when it cannot be had at once */
  async tryClaim<H extends Held>(
    wish: Wish,
    options: WaitLimits,
    make: (parts: HeldParts) => H,
  ): Promise<H | undefined> {
    const { timeoutMs = ANSWER_MS } = options;
    return await this.#claim({ ...wish, wait: false }, { ...options, timeoutMs }, make);
  }

  /**
   * Asks for something that has a ticket, as often as it takes to know what came of it.
   * @throws {LeaseExpired} when the session ends meanwhile, and what `ask` throws
   */
  async ask<T>(
    session: Session,
    patience: Patience,
    ask: (calls: Replica<CoordinationMachine>) => Promise<T>,
  ): Promise<T> {
    const { replica } = this.parts;
    const calls = replica.with({ signal: patience.signal, timeoutMs: ATTEMPT_MS });
    for (;;) {
      if (session.state === 'expired') throw new LeaseExpired(session.id);
      try {
        return await ask(calls);
      } catch (error) {
        if (patience.error !== undefined || !isWorthAnotherTry(error)) throw error;
        patience.last = error;
      }
    }
  }

  /** Sees to it that the group knows: the claim is over, and must not be made any more. */
  async giveBack(session: Session, ticket: number): Promise<void> {
    while (session.state !== 'expired') {
      try {
        const { replica } = this.parts;
        await replica.with({ timeoutMs: ATTEMPT_MS }).release(session.id, ticket);
        return;
      } catch (error) {
        if (!isWorthAnotherTry(error)) await this.parts.pause(session.ttlMs / 10);
      }
    }
  }

  async #claim<H extends Held>(
    wish: FirmWish,
    options: WaitLimits,
    make: (parts: HeldParts) => H,
  ): Promise<H | undefined> {
    using patience = new Patience(wish.resource, this.parts, options);
    for (;;) {
      const session = await this.parts.sessions.current(patience);
      const parts = await this.#claimWith(session, wish, patience);
      if (parts !== 'session-over') return parts && make(parts);
    }
  }

  async #claimWith(
    session: Session,
    wish: FirmWish,
    patience: Patience,
  ): Promise<HeldParts | 'session-over' | undefined> {
    const ticket = session.nextTicket();
    try {
      const token = await this.#tokenFor({ ...wish, lease: session.id, ticket }, session, patience);
      if (token === undefined) return undefined;
      await safe(session, patience.signal);
      const giveBack = (): Promise<void> => this.giveBack(session, ticket);
      return { what: wish.resource, token, ticket, session, giveBack };
    } catch (error) {
      void this.giveBack(session, ticket);
      if (patience.error !== undefined) throw patience.error;
      if (error instanceof LeaseExpired) return 'session-over'; // It held nothing yet: once more.
      throw error;
    }
  }

  async #tokenFor(
    request: ClaimRequest,
    session: Session,
    patience: Patience,
  ): Promise<number | undefined> {
    const { lease, ticket } = request;
    const answer = await this.ask(session, patience, (calls) => calls.claim(request));
    if (answer.kind === 'held') return answer.token;
    const wasRefused = answer.kind === 'withdrawn' && !request.wait; // By an attempt before.
    if (answer.kind === 'refused' || wasRefused) return undefined;
    patience.last = new Error('others have it, or came first');
    const find = ({ claims }: CoordinationMachine): number | undefined => {
      const token = claims.tokenOf(lease, ticket);
      if (token === undefined) throw new LeaseExpired(lease);
      return token === 0 ? undefined : token;
    };
    return this.parts.view.until(topics.claim(lease, ticket), find, patience.signal);
  }
}

/** Waits while nobody can tell whether what was granted is still held. */
async function safe(session: Session, signal: AbortSignal): Promise<void> {
  if (session.state === 'safe') return;
  for await (const state of session.events().values({ signal })) if (state === 'safe') return;
  throw new LeaseExpired(session.id);
}
