import type { Env } from '@troupe/actor';
import { refuseChange } from '../changes.ts';
import type {
  Applied,
  Capabilities,
  ChangeOptions,
  Consensus,
  ConsensusEvent,
  GroupStatus,
  MemberChange,
  Members,
  NodeId,
  ProposeOptions,
  ReadOptions,
  ReadPoint,
  RequestOptions,
  SnapshotInfo,
} from '../consensus.ts';
import { GroupClosed, NotLeader, OutcomeUnknown } from '../errors.ts';
import { Feed } from '../feed.ts';
import { coreSettings, type GroupSettings } from '../group-settings.ts';
import { refuseProposal, type ProposalLimits } from '../proposals.ts';
import { refuseRead } from '../reads.ts';
import { checkRequest, TIMEOUT_MS } from '../request.ts';
import type { StateMachine } from '../state-machine.ts';
import { NearMachine } from './near-machine.ts';
import type { Answers, Ask, GroupNumber, News, Order, ToldEvent } from './orders.ts';
import { packProposals, type PackedProposal } from './packed.ts';
import { toldError } from './told-error.ts';
import { Waiting } from './waiting.ts';

/** About one group, the end of which its engine is told of as well. */
export type GroupNews = Exclude<
  News,
  { readonly kind: 'opened' | 'not-opened' | 'handed-over' | 'beat' | 'stopped' }
>;

export interface ThreadedGroupParts<R> {
  readonly at: GroupNumber;
  readonly name: string;
  readonly env: Env;
  readonly machine: StateMachine<R>;
  readonly limits: ProposalLimits;
  readonly say: (order: Order, owned?: Uint8Array) => void;
  /** So many bytes that have come from the thread are done with. */
  readonly taken: (bytes: number) => void;
  /** Calls `run` when this turn of the event loop is over, before what was said leaves. */
  readonly atLast: (run: () => void) => void;
  /** The group takes no more part. */
  readonly ended: () => void;
}

/** Reads of one turn that want the same share an order, and its answer. */
interface Reading {
  readonly wanted: ReadOptions;
  readonly promise: Promise<ReadPoint>;
  count: number;
}

/** A group whose driver is on a thread, as the main loop sees it: its state machine is here. */
export class ThreadedGroup<R> implements Consensus<R> {
  readonly group: string;
  readonly #near: NearMachine<R>;
  readonly #parts: ThreadedGroupParts<R>;
  readonly #feed = new Feed();
  readonly #proposals: Waiting<Applied<R>>;
  readonly #reads: Waiting<ReadPoint>;
  readonly #asks: Waiting<Answers[keyof Answers]>;
  #unsent: PackedProposal[] = [];
  #cancellable: number[] = [];
  /** The number of the first one that is unsent. */
  #first = 0;
  #reading: Reading | undefined;
  /** Those that share an order counted one by one. */
  #readers = 0;
  #opened: { readonly capabilities: Capabilities; status: GroupStatus } | undefined;
  /** What the state machine has thrown, or why else the group is closed, if nobody asked for it. */
  #failure: Error | undefined;
  #isStopping = false;
  #hasEnded = false;
  readonly #end: Promise<void>;
  #resolveEnd!: () => void;

  constructor(parts: ThreadedGroupParts<R>) {
    const { at, name: group, machine, env, say, taken } = parts;
    this.group = group;
    this.#parts = parts;
    this.#end = new Promise((resolve) => (this.#resolveEnd = resolve));
    const cancelProposal = (id: number): void => {
      this.#sendProposals();
      say({ kind: 'cancel-proposal', at, id });
    };
    const waiting = { group, env };
    this.#proposals = new Waiting({ ...waiting, executed: 'unknown', cancel: cancelProposal });
    const cancelRead = (id: number): void => say({ kind: 'cancel-read', at, id });
    this.#reads = new Waiting({ ...waiting, executed: 'no', cancel: cancelRead });
    const cancel = (id: number): void => say({ kind: 'cancel', at, id });
    this.#asks = new Waiting({ ...waiting, executed: 'unknown', cancel });
    this.#near = new NearMachine({ at, machine, say, taken, failed: (error) => this.#fail(error) });
  }

  get capabilities(): Capabilities {
    return this.#known.capabilities;
  }

  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  /** What its state machine has thrown. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  propose(command: Uint8Array, options: ProposeOptions = {}): Promise<Applied<R>> {
    return this.#ask(() => {
      const { limits, atLast } = this.#parts;
      refuseProposal(command, { group: this.group, waiting: this.#proposals.size, limits });
      const { id, promise } = this.#proposals.add(options);
      if (this.#unsent.length === 0) {
        this.#first = id;
        atLast(() => this.#sendProposals());
      }
      this.#unsent.push({ command, options });
      if (options.signal !== undefined) this.#cancellable.push(id);
      this.#near.wantsResults = true;
      return promise;
    });
  }

  read(options: ReadOptions = {}): Promise<ReadPoint> {
    return this.#ask(() => {
      checkRequest(options);
      const { node, leader, members: at } = this.#known.status;
      if (at.witnesses.includes(node)) throw new NotLeader(this.group, leader);
      if (options.consistency === 'stale') return Promise.resolve({ index: this.#near.applied });
      refuseRead(this.group, this.#readers);
      this.#reading = sharedBy(this.#reading, options) ?? this.#beginReading(options);
      this.#reading.count += 1;
      this.#readers += 1;
      return this.#reading.promise;
    });
  }

  members(): Members {
    return this.#known.status.members;
  }

  changeMembers(changes: readonly MemberChange[], options: ChangeOptions = {}): Promise<Members> {
    const { expected } = options;
    return this.#order({ kind: 'change', changes, expected }, options);
  }

  transferLeadership(to: NodeId, options: RequestOptions = {}): Promise<void> {
    return this.#order({ kind: 'transfer', to }, options);
  }

  snapshot(): Promise<SnapshotInfo> {
    return this.#order({ kind: 'snapshot' }, {});
  }

  configure(settings: Partial<GroupSettings>): void {
    coreSettings(settings, 1); // Makes sense, or it throws here.
    const { rank, quietAfterMs } = settings;
    const known = {
      ...(rank !== undefined && { rank }),
      ...(quietAfterMs !== undefined && { quietAfterMs }),
    };
    this.#parts.say({ kind: 'configure', at: this.#parts.at, settings: known });
  }

  /** As the thread has told it, some milliseconds ago; `applied` and `waiting` as they are. */
  status(): GroupStatus {
    const { status } = this.#known;
    const { applied } = this.#near;
    const waiting = this.#proposals.size + this.#readers;
    // Nothing is applied that is not agreed on, and on this node's disk.
    const committed = Math.max(status.committed, applied);
    const durable = Math.max(status.durable, applied);
    const last = Math.max(status.last, committed);
    return { ...status, applied, committed, durable, last, waiting };
  }

  events(signal: AbortSignal): AsyncIterable<ConsensusEvent> {
    return this.#feed.read(signal);
  }

  stop(): Promise<void> {
    if (!this.#isStopping && !this.#hasEnded) {
      this.#isStopping = true;
      this.#sendProposals();
      this.#parts.say({ kind: 'stop-group', at: this.#parts.at });
    }
    return this.#end;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  opened(capabilities: Capabilities, status: GroupStatus): void {
    this.#opened = { capabilities, status };
    this.#near.next({ kind: 'applied', at: this.#parts.at, index: status.applied });
  }

  hear(news: GroupNews): void {
    switch (news.kind) {
      case 'apply':
      case 'applied':
      case 'snapshot':
      case 'restore':
        return this.#near.next(news);
      case 'settled':
        return this.#near.next({ kind: 'look', look: () => this.#settle(news.places) });
      case 'read': {
        const { id, index } = news;
        return this.#near.next({ kind: 'look', look: () => this.#reads.resolve(id, { index }) });
      }
      case 'refused':
        this.#proposals.reject(news.proposal, toldError(news.error));
        return this.#forgetResults();
      case 'read-failed':
        return this.#reads.reject(news.id, toldError(news.error));
      case 'answer':
        return this.#asks.resolve(news.id, news.value);
      case 'failed':
        return this.#asks.reject(news.id, toldError(news.error));
      case 'event':
        return this.#tell(news.event);
      case 'status':
        if (this.#opened !== undefined) this.#opened.status = news.status;
        return;
      case 'restore-piece':
        return this.#near.restorePiece(news.id, news.piece);
      case 'restore-end':
        return this.#near.restoreEnd(news);
      case 'snapshot-more':
        return this.#near.snapshotMore(news.id);
      case 'snapshot-drop':
        return this.#near.snapshotDrop(news.id);
      case 'ended':
        return this.end(undefined);
    }
  }

  /** @param cause why; undefined when it was told to, or has said so itself */
  end(cause: Error | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#near.end();
    const why = (this.#failure ??= cause);
    for (const waiting of [this.#proposals, this.#reads, this.#asks]) waiting.close(why);
    if (cause !== undefined) this.#feed.tell({ kind: 'fatal', error: cause });
    this.#feed.close();
    this.#parts.ended();
    this.#resolveEnd();
  }

  /** Looks for what the thread has said nothing of in time. */
  look(nowMs: number): void {
    for (const waiting of [this.#proposals, this.#reads, this.#asks]) waiting.look(nowMs);
  }

  get #known(): { readonly capabilities: Capabilities; readonly status: GroupStatus } {
    if (this.#opened !== undefined) return this.#opened;
    throw new Error(`group ${this.group} is not open yet`);
  }

  #sendProposals(): void {
    if (this.#unsent.length === 0) return;
    const commands = packProposals(this.#unsent);
    const { at, say } = this.#parts;
    const [first, cancellable] = [this.#first, this.#cancellable];
    this.#unsent = [];
    this.#cancellable = [];
    say({ kind: 'propose', at, first, commands, cancellable }, commands);
  }

  #settle(places: Float64Array): void {
    for (let i = 0; i < places.length; i += 3) {
      const [id = 0, index = 0, epoch = 0] = places.subarray(i, i + 3);
      const known = this.#near.results.at(index);
      if (known !== undefined) this.#proposals.resolve(id, { index, epoch, ...known });
      else {
        const reason = 'it was applied here, and what came of it is forgotten';
        this.#proposals.reject(id, new OutcomeUnknown(this.group, reason));
      }
    }
    this.#forgetResults();
  }

  #forgetResults(): void {
    if (this.#proposals.size > 0) return;
    this.#near.wantsResults = false;
    this.#near.results.clear();
  }

  #beginReading(options: ReadOptions): Reading {
    const { at, say, atLast } = this.#parts;
    const { id, promise } = this.#reads.add(options);
    const consistency = options.consistency === 'lease' ? 'lease' : 'linearizable';
    const { timeoutMs = TIMEOUT_MS } = options;
    say({ kind: 'read', at, id, options: { consistency, timeoutMs } });
    const reading: Reading = { wanted: options, promise, count: 0 };
    const over = (): void => void (this.#readers -= reading.count);
    promise.then(over, over);
    atLast(() => (this.#reading = undefined));
    return reading;
  }

  #order<K extends Ask['kind']>(
    ask: Ask & { readonly kind: K },
    options: RequestOptions,
  ): Promise<Answers[K]> {
    return this.#ask(() => {
      refuseChange(this.group, this.#asks.size);
      const data = structuredClone(ask); // Or it throws, for what cannot cross.
      const { id, promise } = this.#asks.add(options);
      const { timeoutMs } = options;
      this.#parts.say({ kind: 'ask', at: this.#parts.at, id, ask: data, timeoutMs });
      return promise as Promise<Answers[K]>; // The thread answers what it was asked for.
    });
  }

  #ask<T>(add: () => Promise<T>): Promise<T> {
    const isOver = this.#hasEnded || this.#isStopping;
    if (isOver) {
      const cause = this.#failure;
      return Promise.reject(new GroupClosed(this.group, 'no', cause && { cause }));
    }
    try {
      return add();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #tell(event: ToldEvent): void {
    if (event.kind !== 'fatal') return this.#feed.tell(event);
    this.#failure ??= toldError(event.error);
    this.#feed.tell({ kind: 'fatal', error: this.#failure });
  }

  /** The state machine has thrown, and the thread does not know yet. */
  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    const { env, at, say } = this.#parts;
    env.log.error({ group: this.group, error }, 'a group has failed on this node');
    this.#feed.tell({ kind: 'fatal', error });
    this.#near.end();
    this.#isStopping = true;
    say({ kind: 'stop-group', at });
  }
}

/** A read that must not end when another one does has an order of its own. */
function sharedBy(reading: Reading | undefined, options: ReadOptions): Reading | undefined {
  if (reading === undefined || options.signal !== undefined) return undefined;
  const { consistency, timeoutMs, signal } = reading.wanted;
  const isSame = consistency === options.consistency && timeoutMs === options.timeoutMs;
  return isSame && signal === undefined ? reading : undefined;
}
