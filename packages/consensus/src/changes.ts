import { Overloaded } from '@troupe/actor';
import type { Entry, Position, Raft, Refused } from '@troupe/raft';
import type { ChangeOptions, MemberChange, Members, NodeId, RequestOptions } from './consensus.ts';
import { BadOption, ChangeRefused, NotLeader, OutcomeUnknown } from './errors.ts';
import { changesOf, checkChanges, expectedOf, membersOf } from './members.ts';
import { Request, type RequestPlace } from './request.ts';

/** Changes and transfers that wait on one node; further ones are refused. */
const CHANGES_MAX = 64;

/** @throws {Overloaded} when too many wait already */
export function refuseChange(group: string, waiting: number): void {
  if (waiting < CHANGES_MAX) return;
  throw new Overloaded(`group ${group}`, 'changes waiting', CHANGES_MAX);
}

/** Executed is `'unknown'` from the moment that the core has taken it. */
interface PendingChange {
  readonly request: Request<Members>;
  readonly changes: readonly MemberChange[];
  readonly expected: NonNullable<ChangeOptions['expected']>;
  /** Where it stands in the log; before all entries, where others have made it already. */
  place: { readonly index: number; readonly term: number } | undefined;
}

interface PendingTransfer {
  readonly request: Request<void>;
  readonly to: NodeId;
}

/** What operators ask of a group: other members, another leader. */
export class Changes {
  readonly #at: RequestPlace;
  /** The members that the last applied entry has left. */
  #members: Members | undefined;
  #changes: PendingChange[] = [];
  #transfers: PendingTransfer[] = [];

  constructor(at: RequestPlace) {
    this.#at = at;
  }

  get size(): number {
    return this.#changes.length + this.#transfers.length;
  }

  change(given: readonly MemberChange[], options: ChangeOptions): Promise<Members> {
    checkChanges(given);
    const { expected = {} } = options;
    const why = (): Error | undefined => this.#missing(given) ?? this.#at.why?.();
    const request = this.#request<Members>(options, why);
    this.#changes.push({ request, changes: [...given], expected, place: undefined });
    return request.promise;
  }

  transfer(to: NodeId, options: RequestOptions): Promise<void> {
    if (typeof to !== 'string') throw new BadOption('to', to, 'give the name of a voter');
    const request = this.#request<void>(options, this.#at.why);
    this.#transfers.push({ request, to });
    return request.promise;
  }

  submit(raft: Raft): void {
    for (const change of this.#changes) {
      if (change.place !== undefined || change.request.isSettled) continue;
      const wanted = changesOf(change.changes, raft.configuration);
      if (wanted.length === 0 && change.changes.length > 0) {
        change.place = { index: 0, term: 0 };
        continue;
      }
      const proposed = raft.changeMembers(wanted, change);
      if (!proposed.accepted) {
        this.#refuse(change.request, proposed);
        continue;
      }
      change.place = { index: proposed.first, term: proposed.term };
      change.request.executed = 'unknown';
    }
    for (const { request, to } of this.#transfers) {
      if (request.isSettled) continue;
      // The core gives up after a while; it is told again, until the deadline.
      const taken = raft.transfer(to);
      if (taken.accepted) request.executed = 'unknown';
      else if (request.executed === 'no') this.#refuse(request, taken);
    }
  }

  /** `entry` is applied. A joint configuration is not the end of a change, but the one after is. */
  applied(entry: Entry): void {
    const members = entry.kind === 'configuration' ? membersOf(entry.configuration) : undefined;
    this.#members = members ?? this.#members;
    for (const { request, changes, place } of this.#changes) {
      if (place === undefined) continue;
      const isBehind = place.index > entry.index;
      // Epochs only grow along a log, so what stood behind a later one is not there any more.
      const isGone = isBehind ? place.term < entry.term : isOverwritten(place, entry);
      if (isBehind && !isGone) continue;
      if (isGone) {
        request.reject(new NotLeader(this.#at.group, undefined));
      } else if (members?.isChanging === false) {
        const isMade = expectedOf(changes).every((node) => members.voters.includes(node));
        if (isMade) request.resolve(members);
      }
    }
  }

  /** A snapshot has taken the place of all up to there. */
  skippedTo({ index }: Position): void {
    for (const { request, place } of this.#changes) {
      if (place === undefined || place.index > index) continue;
      request.reject(new OutcomeUnknown(this.#at.group, 'a snapshot has taken its place'));
    }
  }

  /** Somebody else leads, which is what transfers are for. */
  succeeded(): void {
    for (const { request } of this.#transfers) {
      if (request.executed === 'unknown') request.resolve();
    }
  }

  expire(now: number): void {
    for (const { request } of [...this.#changes, ...this.#transfers]) request.expire(now);
    this.#changes = this.#changes.filter(({ request }) => !request.isSettled);
    this.#transfers = this.#transfers.filter(({ request }) => !request.isSettled);
  }

  close(cause: Error | undefined): void {
    for (const { request } of [...this.#changes, ...this.#transfers]) request.close(cause);
    this.#changes = [];
    this.#transfers = [];
  }

  /** Whoever a change still waits for, although it is made. */
  #missing(changes: readonly MemberChange[]): Error | undefined {
    const { voters = [], learners = [] } = this.#members ?? {};
    const [late] = expectedOf(changes).filter((node) => !voters.includes(node));
    if (late === undefined || !learners.includes(late)) return undefined;
    return new Error(
      `${late} was added, and has not caught up: it becomes a voter once it runs, has the group ` +
        'open and is reached, or is removed again; nobody waits for it',
    );
  }

  #request<T>(options: RequestOptions, why: RequestPlace['why']): Request<T> {
    const { group, env } = this.#at;
    refuseChange(group, this.size);
    return new Request<T>({ group, env, ...(why && { why }) }, options);
  }

  #refuse<T>(request: Request<T>, { reason, leader, problem = reason }: Refused): void {
    const { group } = this.#at;
    if (reason === 'term-not-settled') return; // In a moment it will be.
    if (reason === 'not-leader' && leader === undefined) return; // As it may be this node, soon.
    if (reason === 'not-leader') request.reject(new NotLeader(group, leader));
    else if (reason === 'other-members') {
      request.reject(new ChangeRefused(group, reason, 'its members are not those expected'));
    } else {
      const why = reason === 'invalid' ? 'invalid' : 'pending';
      request.reject(new ChangeRefused(group, why, problem));
    }
  }
}

function isOverwritten(place: Position, { index, term }: Position): boolean {
  return place.index === index && place.term !== term;
}
