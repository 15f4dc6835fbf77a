import { Overloaded } from '@troupe/actor';
import type { Entry, Position, Raft } from '@troupe/raft';
import type { Applied, NodeId, ProposeOptions } from './consensus.ts';
import { BadOption, CommandTooLarge, NotLeader, OutcomeUnknown } from './errors.ts';
import { DiskFull } from './log-errors.ts';
import type { Forward, Forwarded } from './packet.ts';
import { Recent } from './recent.ts';
import { Request, type RequestPlace } from './request.ts';

/** Given to the core, or to the leader, at a time; all of them are taken or none. */
const BATCH_BYTES = 2 ** 20;
const BATCH_COMMANDS = 16_384;

/** How long a leader whose disk is full may take to hand over. */
const HEIR_MS = 1_000;

export interface ProposalLimits {
  /** One command, in bytes. Default: 1 MiB; at most 8 MiB. */
  readonly commandBytesMax: number;
  /** Proposals of this node that are not answered; further ones are refused. Default: 65,536. */
  readonly proposalsMax: number;
}

/**
 * @throws {BadOption} when the command is none
 * @throws {CommandTooLarge}
 * @throws {Overloaded} when too many wait already
 */
export function refuseProposal(
  command: Uint8Array,
  at: { readonly group: string; readonly waiting: number; readonly limits: ProposalLimits },
): void {
  const { commandBytesMax, proposalsMax } = at.limits;
  if (!(command instanceof Uint8Array)) {
    throw new BadOption('command', command, 'give the bytes of a command, as a Uint8Array');
  }
  if (command.length > commandBytesMax) {
    throw new CommandTooLarge(at.group, command.length, commandBytesMax);
  }
  if (at.waiting < proposalsMax) return;
  throw new Overloaded(`group ${at.group}`, 'proposals waiting', proposalsMax);
}

/** Where the proposals of one group come from and go to. */
export interface ProposalsAt extends RequestPlace {
  readonly node: NodeId;
  readonly send: (packet: Forward | Forwarded) => void;
}

class Proposal<R> extends Request<Applied<R>> {
  /** Of the leader that took it, together with its index; 0 while nobody has. */
  epoch = 0;
  /** Of an earlier epoch, for the same index. */
  rival: Proposal<R> | undefined;

  constructor(
    readonly command: Uint8Array,
    at: ProposalsAt,
    readonly options: ProposeOptions,
  ) {
    super(at, options);
  }
}

/** Proposals that another node has been asked to make, and has not answered. */
interface Passed<R> {
  readonly to: NodeId;
  readonly proposals: readonly Proposal<R>[];
}

/**
 * The commands that this node wants in the log, from `propose` until they are applied here. What
 * stands at a command's index then decides: an entry of the epoch that took it is the command, and
 * any other means that it never will be applied, so that it may be proposed once more.
 */
export class Proposals<R> {
  readonly #at: ProposalsAt;
  readonly #limits: ProposalLimits;
  #queue: Proposal<R>[] = [];
  /** Refused by the leader that is known here; asked again at the next tick. */
  #resting: Proposal<R>[] = [];
  readonly #passed = new Map<number, Passed<R>>();
  #passedCount = 0;
  /**
   * By index. One that an earlier leader took may still be waiting for the index that a later one,
   * with a shorter log, gives to another; what is applied there decides for both.
   */
  readonly #placed = new Map<number, Proposal<R>>();
  #placedCount = 0;
  /** An answer to what was passed on may come when its commands are applied already. */
  readonly #recent = new Recent<R>();
  /** The latest epoch of what is applied here. */
  #epoch = 0;
  #request: number;
  /** Since when the disk of this node is full. */
  #fullSince: number | undefined;

  constructor(at: ProposalsAt, limits: ProposalLimits) {
    this.#at = at;
    this.#limits = limits;
    // Answers to an earlier life of this node must answer nothing here.
    this.#request = Math.floor(at.env.random() * 2 ** 20) * 2 ** 32;
  }

  get size(): number {
    return this.#queue.length + this.#resting.length + this.#passedCount + this.#placedCount;
  }

  add(command: Uint8Array, options: ProposeOptions): Promise<Applied<R>> {
    const { group } = this.#at;
    refuseProposal(command, { group, waiting: this.size, limits: this.#limits });
    const proposal = new Proposal<R>(command, this.#at, options);
    this.#queue.push(proposal);
    return proposal.promise;
  }

  /** While the disk is full the core takes no commands, and looks for somebody who does. */
  full(isFull: boolean): void {
    this.#fullSince = isFull ? (this.#fullSince ?? this.#at.env.now()) : undefined;
  }

  /** Gives the core, or the leader, what it takes. The rest waits for a leader, or for room. */
  submit(raft: Raft): void {
    if (this.#queue.length === 0) return;
    let queue: readonly Proposal<R>[] = this.#queue.filter(({ isSettled }) => !isSettled);
    for (let batch = batchOf(queue); batch.length > 0; batch = batchOf(queue)) {
      const proposed = raft.propose(batch.map(({ command }) => command));
      if (proposed.accepted) this.#place(batch, proposed.first, proposed.term);
      else if (proposed.reason !== 'not-leader') {
        if (this.#hasNoHeir) queue = refuseAll(queue, this.#at.group);
        break;
      } else {
        queue = this.#refuseUnwilling(queue, proposed.leader);
        if (proposed.leader === undefined) break;
        batch = batchOf(queue);
        if (batch.length > 0) this.#pass(batch, proposed.leader);
      }
      queue = queue.slice(batch.length);
    }
    this.#queue = [...queue];
  }

  /** Another node wants commands in the log. */
  onForward(raft: Raft, { from, request, commands }: Forward): void {
    const proposed = raft.propose(commands);
    const place = proposed.accepted
      ? { index: proposed.first, term: proposed.term }
      : { index: 0, term: 0 };
    const { node, send } = this.#at;
    send({ type: 'forwarded', from: node, to: from, request, ...place });
  }

  /** The disk is full, and where this node still leads, nobody else can. */
  get #hasNoHeir(): boolean {
    return this.#at.env.now() - (this.#fullSince ?? Infinity) >= HEIR_MS;
  }

  onForwarded({ from, request, index, term }: Forwarded): void {
    const passed = this.#passed.get(request);
    if (passed === undefined || passed.to !== from) return;
    if (index === 0) {
      for (const proposal of passed.proposals) this.#again(proposal, this.#resting);
    } else this.#place(passed.proposals, index, term);
    this.#unpass(request, passed);
  }

  /** The line to `peer` broke: what it was asked, or would have answered, may be lost. */
  onBroken(peer: NodeId): void {
    for (const [request, passed] of this.#passed) {
      if (passed.to !== peer) continue;
      this.#unpass(request, passed);
      const reason = `the line to ${peer}, which had been asked to propose it, broke`;
      for (const proposal of passed.proposals) {
        proposal.reject(new OutcomeUnknown(this.#at.group, reason));
      }
    }
  }

  /** What `peer` was asked never left this node. */
  onUnsent(peer: NodeId): void {
    for (const [request, passed] of this.#passed) {
      if (passed.to !== peer) continue;
      this.#unpass(request, passed);
      for (const proposal of passed.proposals) this.#again(proposal, this.#resting);
    }
  }

  /** `entry` is applied, and `result` what came of it, if it is a command. */
  applied(entry: Entry, result: R | undefined): void {
    if (this.#passed.size > 0) this.#recent.add(entry, result);
    if (this.#placed.has(entry.index)) {
      for (const proposal of this.#take(entry.index)) this.#settle(proposal, entry, result);
    }
    if (entry.term > this.#epoch) this.#outdate(entry);
  }

  /** A snapshot has taken the place of all up to there. */
  skippedTo({ index, term }: Position): void {
    this.#recent.skipTo(index);
    for (const at of this.#placed.keys()) {
      if (at > index) continue;
      for (const proposal of this.#take(at)) this.#loseSight(proposal);
    }
    if (term > this.#epoch) this.#outdate({ index, term });
  }

  tick(now: number): void {
    this.#queue.push(...this.#resting.splice(0));
    for (const proposal of this.#queue) proposal.expire(now);
    this.#queue = this.#queue.filter(({ isSettled }) => !isSettled);
    for (const [request, passed] of this.#passed) {
      for (const proposal of passed.proposals) proposal.expire(now);
      if (passed.proposals.every(({ isSettled }) => isSettled)) this.#unpass(request, passed);
    }
    for (const index of this.#placed.keys()) {
      const rivals = rivalsOf(this.#placed.get(index));
      for (const proposal of rivals) proposal.expire(now);
      if (rivals.every(({ isSettled }) => isSettled)) this.#take(index);
    }
  }

  close(cause: Error | undefined): void {
    const passed = [...this.#passed.values()].flatMap(({ proposals }) => proposals);
    const placed = [...this.#placed.values()].flatMap(rivalsOf);
    const all = [...this.#queue, ...this.#resting, ...passed, ...placed];
    for (const proposal of all) proposal.close(cause);
    this.#queue = [];
    this.#resting = [];
    this.#passed.clear();
    this.#passedCount = 0;
    this.#placed.clear();
    this.#placedCount = 0;
  }

  #pass(proposals: readonly Proposal<R>[], to: NodeId): void {
    const request = (this.#request += 1);
    for (const proposal of proposals) proposal.executed = 'unknown';
    this.#passed.set(request, { to, proposals });
    this.#passedCount += proposals.length;
    const commands = proposals.map(({ command }) => command);
    this.#at.send({ type: 'forward', from: this.#at.node, to, request, commands });
  }

  #unpass(request: number, { proposals }: Passed<R>): void {
    this.#passed.delete(request);
    this.#passedCount -= proposals.length;
    if (this.#passed.size === 0) this.#recent.clear();
  }

  #place(proposals: readonly Proposal<R>[], first: number, epoch: number): void {
    proposals.forEach((proposal, at) => {
      const index = first + at;
      proposal.epoch = epoch;
      proposal.executed = 'unknown';
      const applied = this.#recent.at(index);
      if (applied === 'unknown') this.#loseSight(proposal);
      else if (applied !== undefined) this.#settle(proposal, applied.entry, applied.result);
      else if (epoch < this.#epoch) this.#again(proposal, this.#queue);
      else this.#await(proposal, index);
    });
  }

  #await(proposal: Proposal<R>, index: number): void {
    proposal.rival = this.#placed.get(index);
    this.#placed.set(index, proposal);
    this.#placedCount += 1;
  }

  /**
   * Epochs only grow along a log. So what an earlier leader took, and put behind a place that
   * belongs to a later epoch, is nowhere and never will be, though nothing may ever follow there.
   */
  #outdate({ index, term }: Position): void {
    this.#epoch = term;
    for (const at of [...this.#placed.keys()].filter((place) => place > index)) {
      for (const proposal of this.#take(at).toReversed()) {
        if (proposal.epoch < term) this.#again(proposal, this.#queue);
        else this.#await(proposal, at);
      }
    }
  }

  /** Those that wait for `index` wait no more. */
  #take(index: number): readonly Proposal<R>[] {
    const rivals = rivalsOf(this.#placed.get(index));
    this.#placed.delete(index);
    this.#placedCount -= rivals.length;
    return rivals;
  }

  #settle(proposal: Proposal<R>, entry: Position, result: R | undefined): void {
    const { index, term: epoch } = entry;
    // A machine gives a result for each command, so that `undefined` is one of R.
    if (epoch === proposal.epoch) proposal.resolve({ index, epoch, result: result as R });
    else this.#again(proposal, this.#queue);
  }

  #again(proposal: Proposal<R>, queue: Proposal<R>[]): void {
    proposal.epoch = 0;
    proposal.rival = undefined;
    proposal.executed = 'no';
    if (!proposal.isSettled) queue.push(proposal);
  }

  #loseSight(proposal: Proposal<R>): void {
    const reason = 'this node has skipped its place in the log';
    proposal.reject(new OutcomeUnknown(this.#at.group, reason));
  }

  #refuseUnwilling(
    proposals: readonly Proposal<R>[],
    leader: NodeId | undefined,
  ): readonly Proposal<R>[] {
    return proposals.filter((proposal) => {
      if (proposal.options.forward !== false) return true;
      proposal.reject(new NotLeader(this.#at.group, leader));
      return false;
    });
  }
}

function refuseAll<R>(queue: readonly Proposal<R>[], group: string): readonly Proposal<R>[] {
  for (const proposal of queue) proposal.reject(new DiskFull(`a command of group ${group}`));
  return [];
}

function rivalsOf<R>(latest: Proposal<R> | undefined): readonly Proposal<R>[] {
  if (latest === undefined) return [];
  return latest.rival === undefined ? [latest] : [latest, ...rivalsOf(latest.rival)];
}

/** The first one, and then as many as fit. */
function batchOf<R>(queue: readonly Proposal<R>[]): readonly Proposal<R>[] {
  let bytes = 0;
  let count = 0;
  for (const { command } of queue) {
    bytes += command.length;
    if (count > 0 && (bytes > BATCH_BYTES || count === BATCH_COMMANDS)) break;
    count += 1;
  }
  return queue.slice(0, count);
}
