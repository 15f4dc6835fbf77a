import { Worker } from 'node:worker_threads';
import type { Env, Log, Timer } from '@troupe/actor';
import type { Input } from '@troupe/gossip';
import {
  type EngineOptions,
  type GossipCounters,
  type GossipRunner,
  NO_PACKETS,
  type Parcel,
} from './gossip-engine.ts';
import type { GossipThreadBoard } from './gossip-thread-board.ts';
import {
  type EngineSelf,
  type GossipNews,
  type GossipOrder,
  type GossipThreadStart,
  type KeyList,
  PULSE_MS,
} from './gossip-thread-start.ts';
import type { Keyring } from './keyring.ts';

export interface ThreadRunnerOptions extends Pick<
  EngineOptions,
  'deliver' | 'onEvent' | 'onWatch' | 'onForeign'
> {
  readonly env: Env;
  readonly log: Log;
  /** Where the socket for datagrams is bound. */
  readonly bind: string;
  readonly self: EngineSelf;
  readonly keyring: Keyring | undefined;
  /** Shared with the thread, and with those before and after it. */
  readonly board: GossipThreadBoard;
  /** The thread has ended, and was not told to. */
  readonly onEnded: (error: Error) => void;
}

/** The engine of gossip in a thread of its own, as the main loop sees it. */
export class GossipThreadRunner implements GossipRunner {
  readonly #options: ThreadRunnerOptions;
  readonly #worker: Worker;
  readonly #forgetKeys: (() => void) | undefined;
  /** What waits for the thread, by number. */
  readonly #waiting = new Map<number, (parcels: readonly Parcel[]) => void>();
  #lastId = 0;
  #pulseTimer: Timer | undefined;
  #counters: GossipCounters = NO_PACKETS;
  #hasEnded = false;

  private constructor(options: ThreadRunnerOptions, ready: (error: Error | undefined) => void) {
    const { self, bind, keyring, board } = options;
    this.#options = options;
    const keys = keyring === undefined ? undefined : listOf(keyring);
    this.#worker = new Worker(new URL('./gossip-thread.js', import.meta.url), {
      name: `${self.name} gossip`,
      workerData: { self, bind, keys, board: board.shared } satisfies GossipThreadStart,
    });
    this.#worker.unref(); // The node's listener keeps the process alive, and not this.
    this.#worker.on('message', (news: GossipNews) => this.#hear(news, ready));
    this.#worker.on('error', (error: Error) => this.#ended(error, ready));
    this.#worker.on('exit', (code) => this.#ended(new Error(`it has ended: ${code}`), ready));
    this.#forgetKeys = keyring?.onChange(() => {
      this.#order({ kind: 'keys', keys: listOf(keyring) });
    });
    this.#beat();
  }

  /** @throws when the thread does not start */
  static start(options: ThreadRunnerOptions): Promise<GossipThreadRunner> {
    return new Promise((resolve, reject) => {
      const runner: GossipThreadRunner = new GossipThreadRunner(options, (error) => {
        if (error === undefined) resolve(runner);
        else reject(error);
      });
    });
  }

  get counters(): GossipCounters {
    return this.#counters;
  }

  input(input: Input): void {
    this.#order({ kind: 'input', input });
  }

  accept(from: string, parcel: Parcel): Promise<readonly Parcel[]> {
    return this.#ask((id) => ({ kind: 'accept', id, from, parcel }));
  }

  async settled(): Promise<void> {
    await this.#ask((id) => ({ kind: 'settle', id }));
  }

  async leave(): Promise<void> {
    await this.#ask((id) => ({ kind: 'leave', id }));
  }

  async stop(): Promise<void> {
    this.#order({ kind: 'stop' });
    this.#letGo();
    await this.#worker.terminate();
  }

  #ask(order: (id: number) => GossipOrder): Promise<readonly Parcel[]> {
    if (this.#hasEnded) return Promise.resolve([]);
    const id = (this.#lastId += 1);
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#order(order(id));
    });
  }

  #order(order: GossipOrder): void {
    this.#worker.postMessage(order);
  }

  #hear(news: GossipNews, ready: (error: Error | undefined) => void): void {
    if (this.#hasEnded) return;
    switch (news.kind) {
      case 'ready':
        if (news.noSocket !== undefined) {
          const { log } = this.#options;
          log.warn(
            { reason: news.noSocket },
            'no socket for datagrams: gossip goes by connections',
          );
        }
        return ready(undefined);
      case 'event':
        return this.#options.onEvent(news.event);
      case 'watch':
        return this.#options.onWatch(news.addresses);
      case 'foreign':
        return this.#options.onForeign(news.address, news.packets);
      case 'deliver':
        return void this.#options.deliver(news.to, news.parcel).then((delivery) => {
          this.#order({ kind: 'delivered', id: news.id, delivery });
        });
      case 'answer':
        return this.#answered(news.id, news.parcels);
      case 'done':
        return this.#answered(news.id, []);
      case 'counters':
        this.#counters = news.counters;
    }
  }

  #answered(id: number, parcels: readonly Parcel[]): void {
    this.#waiting.get(id)?.(parcels);
    this.#waiting.delete(id);
  }

  /** Shows the thread that the main loop runs. */
  #beat(): void {
    this.#options.board.beat();
    this.#pulseTimer = this.#options.env.setTimer(PULSE_MS, () => this.#beat());
  }

  #ended(error: Error, ready: (error: Error) => void): void {
    if (this.#hasEnded) return;
    this.#letGo();
    ready(error);
    this.#options.onEnded(error);
  }

  #letGo(): void {
    this.#hasEnded = true;
    this.#pulseTimer?.cancel();
    this.#forgetKeys?.();
    for (const id of this.#waiting.keys()) this.#answered(id, []);
  }
}

function listOf({ inUse, keys }: Keyring): KeyList {
  return { inUse, keys };
}
