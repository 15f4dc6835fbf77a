import type { Applied, Consensus, ConsensusEvent } from '../consensus.ts';
import type { GroupSettings } from '../group-settings.ts';
import type { Answers, Ask, GroupNumber, News, Order, ToldEvent } from './orders.ts';
import { unpackProposals } from './packed.ts';
import { tellError } from './told-error.ts';

export interface HostedGroupParts {
  readonly at: GroupNumber;
  readonly group: Consensus<undefined>;
  readonly say: (news: News, owned?: Float64Array) => void;
  /** All has been told, the group's end too. */
  readonly ended: () => void;
}

/** A group on the thread: does for the main loop what that asks for, and tells it what happens. */
export class HostedGroup {
  readonly #parts: HostedGroupParts;
  readonly #group: Consensus<undefined>;
  readonly #proposals = new Map<number, AbortController>();
  readonly #reads = new Map<number, AbortController>();
  readonly #asks = new Map<number, AbortController>();
  /** Number, index and epoch of each proposal that was settled since that was told last. */
  #places: number[] = [];
  #toldStatus = '';

  constructor(parts: HostedGroupParts) {
    this.#parts = parts;
    this.#group = parts.group;
    void this.#follow();
  }

  propose({ first, commands, cancellable }: Order & { readonly kind: 'propose' }): void {
    const named = new Set(cancellable);
    unpackProposals(commands).forEach(({ command, options }, i) => {
      const id = first + i;
      const signal = named.has(id) ? signalIn(this.#proposals, id) : undefined;
      this.#group.propose(command, { ...options, ...(signal && { signal }) }).then(
        (applied) => this.#settled(id, applied),
        (error: unknown) => this.#refused(id, error),
      );
    });
  }

  read({ id, options }: Order & { readonly kind: 'read' }): void {
    const { at, say } = this.#parts;
    const signal = signalIn(this.#reads, id);
    this.#group.read({ ...options, signal }).then(
      ({ index }) => {
        this.#reads.delete(id);
        this.#tellSettled(); // What was settled before it is looked at before it.
        say({ kind: 'read', at, id, index });
      },
      (error: unknown) => {
        this.#reads.delete(id);
        say({ kind: 'read-failed', at, id, error: tellError(error) });
      },
    );
  }

  ask({ id, ask, timeoutMs }: Order & { readonly kind: 'ask' }): void {
    const { at, say } = this.#parts;
    this.#do(ask, { timeoutMs, signal: signalIn(this.#asks, id) }).then(
      (value) => {
        this.#asks.delete(id);
        this.tellStatus();
        say({ kind: 'answer', at, id, value });
      },
      (error: unknown) => {
        this.#asks.delete(id);
        say({ kind: 'failed', at, id, error: tellError(error) });
      },
    );
  }

  cancel(what: 'cancel-proposal' | 'cancel-read' | 'cancel', id: number): void {
    if (what === 'cancel-proposal') this.#proposals.get(id)?.abort();
    else if (what === 'cancel-read') this.#reads.get(id)?.abort();
    else this.#asks.get(id)?.abort();
  }

  /** What the main loop has found to make sense. */
  configure(settings: Partial<GroupSettings>): void {
    this.#group.configure(settings);
  }

  stop(): void {
    void this.#group.stop();
  }

  /** What has changed since it was told last, and is no event. */
  tellStatus(): void {
    const { at, say } = this.#parts;
    const status = this.#group.status();
    const text = JSON.stringify(status);
    if (text === this.#toldStatus) return;
    this.#toldStatus = text;
    say({ kind: 'status', at, status });
    say({ kind: 'applied', at, index: status.applied });
  }

  #do(
    ask: Ask,
    { timeoutMs, signal }: { timeoutMs: number | undefined; signal: AbortSignal },
  ): Promise<Answers[keyof Answers]> {
    const options = { ...(timeoutMs !== undefined && { timeoutMs }), signal };
    switch (ask.kind) {
      case 'change':
        return this.#group.changeMembers(ask.changes, {
          ...options,
          ...(ask.expected && { expected: ask.expected }),
        });
      case 'transfer':
        return this.#group.transferLeadership(ask.to, options);
      case 'snapshot':
        return this.#group.snapshot();
    }
  }

  #settled(id: number, { index, epoch }: Applied<undefined>): void {
    this.#proposals.delete(id);
    this.#places.push(id, index, epoch);
    // Those of one turn are settled one after the other, with nothing in between.
    if (this.#places.length === 3) void Promise.resolve().then(() => this.#tellSettled());
  }

  #tellSettled(): void {
    if (this.#places.length === 0) return;
    const places = Float64Array.from(this.#places);
    this.#places = [];
    this.#parts.say({ kind: 'settled', at: this.#parts.at, places }, places);
  }

  #refused(proposal: number, error: unknown): void {
    const { at, say } = this.#parts;
    this.#proposals.delete(proposal);
    say({ kind: 'refused', at, proposal, error: tellError(error) });
  }

  async #follow(): Promise<void> {
    const { at, say, ended } = this.#parts;
    for await (const event of this.#group.events(new AbortController().signal)) {
      say({ kind: 'event', at, event: toldEvent(event) });
      this.tellStatus();
    }
    ended();
  }
}

function toldEvent(event: ConsensusEvent): ToldEvent {
  return event.kind === 'fatal' ? { kind: 'fatal', error: tellError(event.error) } : event;
}

/** The signal of a new controller, which is kept by that number. */
function signalIn(controllers: Map<number, AbortController>, id: number): AbortSignal {
  const controller = new AbortController();
  controllers.set(id, controller);
  return controller.signal;
}
