import { BARRIER_SIZE_MAX } from './bounds.ts';
import { topics } from './claim-table.ts';
import type { Claims } from './claims.ts';
import type { CoordinationMachine } from './coordination-machine.ts';
import { LeaseExpired } from './errors.ts';
import { Given } from './given.ts';
import { Patience, type WaitLimits } from './patience.ts';
import type { Session } from './session.ts';

export interface BarrierOptions extends WaitLimits {
  /** How many have to come, 1 … 10,000: the same for everybody who does. */
  readonly size: number;
}

/** Barriers by name: nobody goes on before all have come, nor leaves before all have done. */
export class Barriers {
  readonly #claims: Claims;

  constructor(claims: Claims) {
    this.#claims = claims;
  }

  /**
   * Waits until `size` have entered. When all of them have left, the barrier is there anew; who
   * comes before that waits for it.
   * @throws {SizeMismatch} executed: no; others entered with another size
   * @throws {Overloaded} executed: no; there are as many barriers, or members, as may be
   * @throws {LeaseExpired} executed: no; the session ended while it waited
   * @throws {DeadlineExceeded} {Cancelled} executed: no; it is not in the barrier any more
   * @throws {BadArguments} executed: no
   */
  async enter(name: string, options: BarrierOptions): Promise<Passage> {
    const given = new Given('barriers', 'enter');
    given.name('name', name);
    given.object('options', options, '{ size }');
    given.wait(options, ['size']);
    given.integer('size', options.size, [1, BARRIER_SIZE_MAX]);
    const { parts } = this.#claims;
    using patience = new Patience(`barrier ${name}`, parts, options);
    const session = await parts.sessions.current(patience);
    const ticket = session.nextTicket();
    try {
      const member = { size: options.size, lease: session.id, ticket };
      const at = await this.#opened(name, { ...member, session, patience });
      return new Passage({
        giveUp: () => this.#claims.giveBack(session, ticket),
        allLeft: (wait) => this.#allLeft(name, at, wait),
      });
    } catch (error) {
      void this.#claims.giveBack(session, ticket);
      throw patience.error ?? error;
    }
  }

  /** @returns the index at which the barrier opened with this member */
  async #opened(name: string, { session, patience, ...member }: Entering): Promise<number> {
    const { view } = this.#claims.parts;
    const topic = topics.barrier(name);
    const { lease, ticket } = member;
    for (;;) {
      const answer = await this.#claims.ask(session, patience, (calls) => {
        return calls.enterBarrier(name, member);
      });
      switch (answer.kind) {
        case 'opened':
          return answer.at;
        case 'withdrawn':
          throw new LeaseExpired(lease); // It was withdrawn with it.
        case 'waits':
          patience.last = new Error('others have not come');
          return view.until(
            topic,
            ({ barriers }) => {
              const opened = barriers.openedFor(name, lease, ticket);
              if (opened === undefined) throw new LeaseExpired(lease);
              return opened === 0 ? undefined : opened;
            },
            patience.signal,
          );
        case 'leaving':
          patience.last = new Error('others have not left');
          await view.until(topic, isShut(name), patience.signal);
      }
    }
  }

  async #allLeft(name: string, opened: number, options: WaitLimits): Promise<void> {
    const { parts } = this.#claims;
    using patience = new Patience(`barrier ${name}`, parts, options);
    const find = ({ barriers }: CoordinationMachine): true | undefined =>
      barriers.opened(name) === opened ? undefined : true;
    try {
      await parts.view.until(topics.barrier(name), find, patience.signal);
    } catch (error) {
      throw patience.error ?? error;
    }
  }
}

interface Entering {
  readonly size: number;
  readonly lease: number;
  readonly ticket: number;
  readonly session: Session;
  readonly patience: Patience;
}

/** Nobody is in it, or some are, and wait for others. */
function isShut(name: string): (machine: CoordinationMachine) => true | undefined {
  return ({ barriers }) => ((barriers.opened(name) ?? 0) === 0 ? true : undefined);
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
    new Given('passage', 'leave').wait(options);
    await (this.#leaving ??= this.#parts.giveUp());
    await this.#parts.allLeft(options);
  }

  /** Leaves, and waits for nobody. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#leaving ??= this.#parts.giveUp());
  }
}
