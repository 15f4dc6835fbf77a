import type { Env } from '@troupe/actor';
import { backgroundTimer } from './background-timer.ts';
import type { Consensus, NodeId, RequestOptions } from './consensus.ts';
import { GroupClosed, NotLeader } from './errors.ts';
import type { Machine } from './machine.ts';
import { EntryCodec, type Outcome } from './machine-entry.ts';
import type { Replicated } from './replicated.ts';

const AGAIN_MS = 1_000;

/** Tells the group which version of the class this node runs, where it knows of another. */
export class VersionHerald<M extends Machine> {
  readonly #group: Consensus<Outcome>;
  readonly #machine: Replicated<M>;
  readonly #env: Env;
  readonly #entries = new EntryCodec();

  constructor(group: Consensus<Outcome>, machine: Replicated<M>, env: Env) {
    this.#group = group;
    this.#machine = machine;
    this.#env = env;
  }

  /** Those who execute commands. */
  get members(): readonly NodeId[] {
    const { voters, learners, witnesses } = this.#group.members();
    return [...voters, ...learners].filter((node) => !witnesses.includes(node));
  }

  /** Until it is known, or the group has ended; nothing is said of a first version. */
  async announce(): Promise<void> {
    if (this.#machine.version === 1) return;
    for (;;) {
      try {
        return await this.tell({});
      } catch (error) {
        if (error instanceof GroupClosed || error instanceof NotLeader) return; // A witness.
        await new Promise<void>((resolve) => void backgroundTimer(this.#env, AGAIN_MS, resolve));
      }
    }
  }

  /** Says it, once this node knows all that the others do, unless that is known. */
  async tell(options: RequestOptions): Promise<void> {
    await this.#group.read(options);
    const { version, versions } = this.#machine;
    const { node } = this.#group.status();
    const { members } = this;
    if (versions.knows(node, version, members)) return;
    const entry = { node, version, members };
    await this.#group.propose(this.#entries.version(this.#env.wallTime(), entry), options);
  }
}
