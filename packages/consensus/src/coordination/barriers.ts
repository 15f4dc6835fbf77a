import { topics } from './claim-table.ts';
import type { Claims } from './claims.ts';
import type { CoordinationMachine } from './coordination-machine.ts';
import { LeaseExpired } from './errors.ts';
import { checkName } from './key-store.ts';
import { Patience, type WaitLimits } from './patience.ts';

export interface BarrierOptions extends WaitLimits {
  /** How many have to come: the same for everybody who does. */
  readonly size: number;
}

/** Barriers by name: nobody goes on before all have come, nor leaves before all have done. */
export class Barriers {
  readonly #claims: Claims;

  constructor(claims: Claims) {
    this.#claims = claims;
  }

  /**
   * Waits until `size` have entered. When all of them have left, the barrier is there anew.
   * @throws {SizeMismatch} executed: no; others entered with another size
   * @throws {Overloaded} executed: no; it is open, and not all of its members have left
   * @throws {LeaseExpired} executed: no; the session ended while it waited
   * @throws {DeadlineExceeded} {Cancelled} executed: no; it is not in the barrier any more
   */
  async enter(name: string, options: BarrierOptions): Promise<Passage> {
    checkName('the name of a barrier', name);
    const { view, sessions, env } = this.#claims.parts;
    using patience = new Patience(`barrier ${name}`, env, options);
    const session = await sessions.current(patience);
    const ticket = session.nextTicket();
    try {
      const member = { size: options.size, lease: session.id, ticket };
      const opened = await this.#claims.ask(session, patience, (calls) => {
        return calls.enterBarrier(name, member);
      });
      if (opened === undefined) throw new LeaseExpired(session.id); // It was withdrawn with it.
      const find = ({ barriers }: CoordinationMachine): number | undefined => {
        const state = barriers.openedFor(name, session.id, ticket);
        if (state === undefined) throw new LeaseExpired(session.id);
        return state === 0 ? undefined : state;
      };
      const topic = topics.barrier(name);
      const at = opened > 0 ? opened : await view.until(topic, find, patience.signal);
      return new Passage({
        giveUp: () => this.#claims.giveBack(session, ticket),
        allLeft: (wait) => this.#allLeft(name, at, wait),
      });
    } catch (error) {
      void this.#claims.giveBack(session, ticket);
      throw patience.error ?? error;
    }
  }

  async #allLeft(name: string, opened: number, options: WaitLimits): Promise<void> {
    const { view, env } = this.#claims.parts;
    using patience = new Patience(`barrier ${name}`, env, options);
    const find = ({ barriers }: CoordinationMachine): true | undefined =>
      barriers.opened(name) === opened ? undefined : true;
    try {
      await view.until(topics.barrier(name), find, patience.signal);
    } catch (error) {
      throw patience.error ?? error;
    }
  }
}

interface PassageParts {
  giveUp(): Promise<void>;
  allLeft(options: WaitLimits): Promise<void>;
}

/** All have come. */
export class Passage implements AsyncDisposable {
  readonly #parts: PassageParts;
  #leaving: Promise<void> | undefined;

  constructor(parts: PassageParts) {
    this.#parts = parts;
  }

  /**
   * Leaves, and waits until all others have left, or their sessions have ended.
   * @throws {DeadlineExceeded} {Cancelled} executed: no; it has left, and others have not
   */
  async leave(options: WaitLimits = {}): Promise<void> {
    await (this.#leaving ??= this.#parts.giveUp());
    await this.#parts.allLeft(options);
  }

  /** Leaves, and waits for nobody. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#leaving ??= this.#parts.giveUp());
  }
}
