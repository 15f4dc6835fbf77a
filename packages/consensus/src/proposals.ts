import { type Env, Overloaded } from '@troupe/actor';
import type { Entry, Raft } from '@troupe/raft';
import type { Applied, NodeId, ProposeOptions } from './consensus.ts';
import { NotLeader, OutcomeUnknown } from './errors.ts';
import { Request } from './request.ts';

/** Given to the core at a time; it takes all of them or none. */
const BATCH_BYTES = 2 ** 20;

export interface ProposalLimits {
  /** One command, in bytes. Default: 1 MiB. */
  readonly commandBytesMax: number;
  /** Proposals of this node that are not answered; further ones are refused. Default: 65,536. */
  readonly proposalsMax: number;
}

class Proposal<R> extends Request<Applied<R>> {
  /** Of the leader that took it, together with its index; 0 while nobody has. */
  epoch = 0;

  constructor(
    readonly command: Uint8Array,
    at: { readonly group: string; readonly env: Env },
    readonly options: ProposeOptions,
  ) {
    super(at.group, at.env, options);
  }
}

/**
 * The commands that this node wants in the log, from `propose` until they are applied here. What
 * stands at a command's index then decides: an entry of the epoch that took it is the command, and
 * any other means that it never will be applied, so that it may be proposed once more.
 */
export class Proposals<R> {
  readonly #at: { readonly group: string; readonly env: Env };
  readonly #limits: ProposalLimits;
  #queue: Proposal<R>[] = [];
  readonly #placed = new Map<number, Proposal<R>>();

  constructor(at: { readonly group: string; readonly env: Env }, limits: ProposalLimits) {
    this.#at = at;
    this.#limits = limits;
  }

  get size(): number {
    return this.#queue.length + this.#placed.size;
  }

  add(command: Uint8Array, options: ProposeOptions): Promise<Applied<R>> {
    const { commandBytesMax, proposalsMax } = this.#limits;
    if (command.length > commandBytesMax) {
      throw new RangeError(`command has ${command.length} bytes, over ${commandBytesMax}`);
    }
    if (this.size >= proposalsMax) {
      throw new Overloaded(`group ${this.#at.group}`, 'proposals waiting', proposalsMax);
    }
    const proposal = new Proposal<R>(command, this.#at, options);
    this.#queue.push(proposal);
    return proposal.promise;
  }

  /** Gives the core what it takes. What it does not take waits for a leader, or for room. */
  submit(raft: Raft): void {
    if (this.#queue.length === 0) return;
    const queue = this.#queue.filter(({ isSettled }) => !isSettled);
    let taken = 0;
    while (taken < queue.length) {
      const batch = batchFrom(queue, taken);
      const proposed = raft.propose(batch.map(({ command }) => command));
      if (!proposed.accepted) {
        if (proposed.reason === 'not-leader') this.#refuse(queue, proposed.leader);
        break;
      }
      batch.forEach((proposal, at) => {
        proposal.epoch = proposed.term;
        proposal.executed = 'unknown';
        this.#placed.set(proposed.first + at, proposal);
      });
      taken += batch.length;
    }
    this.#queue = queue.slice(taken);
  }

  /** `entry` is applied, and `result` what came of it, if it is a command. */
  applied(entry: Entry, result: R | undefined): void {
    const proposal = this.#placed.get(entry.index);
    if (proposal === undefined) return;
    this.#placed.delete(entry.index);
    if (entry.term === proposal.epoch) {
      proposal.resolve({ index: entry.index, epoch: entry.term, result: result as R });
    } else this.#again(proposal);
  }

  /** A snapshot has taken the place of all up to `index`. */
  skippedTo(index: number): void {
    for (const [at, proposal] of this.#placed) {
      if (at > index) continue;
      this.#placed.delete(at);
      proposal.reject(new OutcomeUnknown(this.#at.group, 'a snapshot has taken its place'));
    }
  }

  expire(now: number): void {
    for (const proposal of this.#queue) proposal.expire(now);
    this.#queue = this.#queue.filter(({ isSettled }) => !isSettled);
    for (const [index, proposal] of this.#placed) {
      proposal.expire(now);
      if (proposal.isSettled) this.#placed.delete(index);
    }
  }

  close(cause: Error | undefined): void {
    for (const proposal of this.#queue) proposal.close(cause);
    for (const proposal of this.#placed.values()) proposal.close(cause);
    this.#queue = [];
    this.#placed.clear();
  }

  #again(proposal: Proposal<R>): void {
    proposal.epoch = 0;
    proposal.executed = 'no';
    if (!proposal.isSettled) this.#queue.push(proposal);
  }

  #refuse(proposals: readonly Proposal<R>[], leader: NodeId | undefined): void {
    for (const proposal of proposals) {
      if (proposal.options.forward === false) {
        proposal.reject(new NotLeader(this.#at.group, leader));
      }
    }
  }
}

/** At least one, and then as many as fit. */
function batchFrom<R>(queue: readonly Proposal<R>[], from: number): readonly Proposal<R>[] {
  let bytes = 0;
  let to = from;
  while (to < queue.length) {
    bytes += queue[to]?.command.length ?? 0;
    if (bytes > BATCH_BYTES && to > from) break;
    to += 1;
  }
  return queue.slice(from, to);
}
