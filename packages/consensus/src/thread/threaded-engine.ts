import type { Env, Timer } from '@troupe/actor';
import { backgroundTimer } from '../background-timer.ts';
import type { Consensus, NodeId, RequestOptions } from '../consensus.ts';
import type { Driver } from '../driver.ts';
import type { EngineStatus } from '../engine.ts';
import { ConsensusThreadFailed, GroupAlreadyOpen, GroupClosed } from '../errors.ts';
import { checkedLimits, type GroupOptions } from '../group-options.ts';
import { coreSettings } from '../group-settings.ts';
import type { GroupNumber, News, Order } from './orders.ts';
import { ThreadedGroup } from './threaded-group.ts';
import { toldError } from './told-error.ts';
import { Mail, type Way } from './way.ts';
import { WINDOW_BYTES } from './window.ts';

const TAKEN_BYTES = WINDOW_BYTES / 4;
/** How often it is looked for those who have waited for too long. */
const LOOK_MS = 500;

export interface ThreadedEngineOptions {
  readonly node: NodeId;
  readonly env: Env;
  readonly way: Way<Order, News>;
  /** Ends the thread that has nothing more to do. */
  readonly end: () => Promise<void>;
}

interface Opening {
  readonly group: ThreadedGroup<unknown>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The groups of a node whose driver is on a thread: votes, heartbeats, the log and the lines to
 * other nodes go on while the main loop is busy. State machines, and those who call them, are here.
 */
export class ThreadedEngine implements Driver {
  readonly node: NodeId;
  readonly #env: Env;
  readonly #mail: Mail<Order>;
  readonly #end: () => Promise<void>;
  readonly #numbered = new Map<GroupNumber, ThreadedGroup<unknown>>();
  readonly #named = new Map<string, ThreadedGroup<unknown>>();
  readonly #opening = new Map<GroupNumber, Opening>();
  readonly #handOvers = new Map<number, () => void>();
  #lastNumber = 0;
  /** Done with, and not told yet. */
  #takenBytes = 0;
  #status: EngineStatus;
  #failure: Error | undefined;
  #lookTimer: Timer;
  #stopping: Promise<void> | undefined;
  #stopped: ((error: Error | undefined) => void) | undefined;

  constructor({ node, env, way, end }: ThreadedEngineOptions) {
    this.node = node;
    this.#env = env;
    this.#end = end;
    this.#mail = new Mail(way, (flush) => env.afterIo(flush));
    const nothing = { droppedFrames: 0, refusedMessages: 0, strayMessages: 0 };
    this.#status = { node, groups: 0, isFull: false, ...nothing };
    way.receive((batch) => {
      for (const news of batch) this.#hear(news);
    });
    this.#lookTimer = this.#lookSoon();
  }

  async open<R>(options: GroupOptions<R>): Promise<Consensus<R>> {
    const { group: name, machine, voters, leaseReads, rank, quietAfterMs } = options;
    const limits = checkedLimits(options);
    coreSettings(options, 1); // Makes sense, or it throws here.
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#stopping !== undefined) throw new GroupClosed(name, 'no');
    if (this.#named.has(name)) throw new GroupAlreadyOpen(name);
    const at = (this.#lastNumber += 1);
    const group = new ThreadedGroup<R>({
      at,
      name,
      env: this.#env,
      machine,
      limits,
      say: (order, owned) => this.#mail.say(order, owned),
      taken: (bytes) => this.#took(bytes),
      atLast: (run) => this.#mail.atLast(run),
      ended: () => this.#forget(at, name),
    });
    const kept = group as ThreadedGroup<unknown>; // What it gives is of R, and nobody here looks.
    this.#numbered.set(at, kept);
    this.#named.set(name, kept);
    await new Promise<void>((resolve, reject) => {
      this.#opening.set(at, { group: kept, resolve, reject });
      const { name: called, version } = machine;
      this.#mail.say({
        kind: 'open',
        at,
        options: {
          group: name,
          ...limits,
          ...(voters !== undefined && { voters }),
          ...(leaseReads !== undefined && { leaseReads }),
          ...(rank !== undefined && { rank }),
          ...(quietAfterMs !== undefined && { quietAfterMs }),
        },
        machine: { name: called, version },
      });
    });
    return group;
  }

  group(name: string): Consensus | undefined {
    const group = this.#named.get(name);
    return group?.isOpen === true ? group : undefined;
  }

  get groups(): readonly Consensus[] {
    return [...this.#named.values()].filter(({ isOpen }) => isOpen);
  }

  /** As the thread has told it, half a second ago at most. */
  status(): EngineStatus {
    return { ...this.#status, groups: this.groups.length };
  }

  unreachable(node: NodeId): void {
    this.#mail.say({ kind: 'unreachable', node });
  }

  handOver({ timeoutMs }: RequestOptions = {}): Promise<void> {
    if (this.#failure !== undefined) return Promise.resolve();
    const id = (this.#lastNumber += 1);
    return new Promise((resolve) => {
      this.#handOvers.set(id, resolve);
      this.#mail.say({ kind: 'hand-over', id, timeoutMs });
    });
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** The thread has ended, and was not told to: nothing of this node may go on. */
  failed(cause: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = new ConsensusThreadFailed(this.node, { cause });
    const isExpected = this.#stopped !== undefined;
    if (!isExpected) {
      this.#env.log.error({ error: cause }, 'the thread of consensus has ended on this node');
    }
    this.#close(this.#failure);
    this.#stopped?.(this.#failure);
  }

  /** The thread is not woken for less than a part of what may be on its way. */
  #took(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes < TAKEN_BYTES) return;
    this.#mail.say({ kind: 'taken', bytes: this.#takenBytes });
    this.#takenBytes = 0;
  }

  #hear(news: News): void {
    switch (news.kind) {
      case 'opened': {
        const opening = this.#opening.get(news.at);
        this.#opening.delete(news.at);
        opening?.group.opened(news.capabilities, news.status);
        return opening?.resolve();
      }
      case 'not-opened':
        return this.#notOpened(news.at, toldError(news.error));
      case 'handed-over':
        this.#handOvers.get(news.id)?.();
        this.#handOvers.delete(news.id);
        return;
      case 'beat':
        this.#status = news.status;
        return this.#mail.say({ kind: 'beat' });
      case 'stopped':
        return this.#stopped?.(news.error && toldError(news.error));
      default:
        return this.#numbered.get(news.at)?.hear(news);
    }
  }

  #notOpened(at: GroupNumber, error: Error): void {
    const opening = this.#opening.get(at);
    this.#opening.delete(at);
    if (opening === undefined) return;
    const { group, reject } = opening;
    reject(group.failure ?? error); // What its state machine has thrown is here as it was.
    group.end(undefined);
  }

  async #stop(): Promise<void> {
    if (this.#failure === undefined) {
      const stopped = new Promise<Error | undefined>((resolve) => (this.#stopped = resolve));
      this.#mail.say({ kind: 'stop' });
      const error = await stopped;
      this.#close(undefined);
      if (error !== undefined) {
        await this.#end();
        throw error;
      }
    }
    await this.#end();
  }

  /** Also while the thread stands still itself, as before a disk that hangs. */
  #lookSoon(): Timer {
    return backgroundTimer(this.#env, LOOK_MS, () => {
      for (const group of this.#numbered.values()) group.look(this.#env.now());
      this.#lookTimer = this.#lookSoon();
    });
  }

  #close(cause: Error | undefined): void {
    this.#lookTimer.cancel();
    for (const at of this.#opening.keys()) {
      this.#notOpened(at, cause ?? new Error(`node ${this.node} has stopped`));
    }
    for (const group of this.#numbered.values()) group.end(cause);
    for (const resolve of this.#handOvers.values()) resolve();
    this.#handOvers.clear();
  }

  #forget(at: GroupNumber, name: string): void {
    const group = this.#numbered.get(at);
    this.#numbered.delete(at);
    if (this.#named.get(name) === group) this.#named.delete(name);
  }
}
