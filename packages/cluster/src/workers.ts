import { type MessagePort, type ResourceLimits, Worker } from 'node:worker_threads';
import type { Env, Log, Timer } from '@troupe/actor';
import type { LogNews } from '@troupe/actor/internal';
import type { PeerLimits, Secret, ThreadHub, TlsCredentials, TlsTransport } from '@troupe/remote';
import { WorkerFailed } from './errors.ts';

/** How long a worker may take, after the time its node has to stop, to end its thread. */
const EXIT_TIMEOUT_MS = 1_000;
/** Pause before a worker that has died is started again: at first, and at most. */
const RESTART_MS = 1_000;
const RESTART_MS_MAX = 30_000;
/** A worker that lived so long has not died of its start. */
const SETTLED_AFTER_MS = 60_000;

/** What a thread is started with: plain data, since nothing else can be copied. */
export interface WorkerStart {
  readonly name: string;
  readonly listen: string;
  readonly advertise: string | undefined;
  /** Address of the node whose worker it is. */
  readonly parent: string;
  readonly modules: readonly string[];
  readonly setup: string | undefined;
  readonly secret: Secret | undefined;
  readonly tls: TlsCredentials | undefined;
  readonly callTimeoutMs: number | undefined;
  readonly limits: Partial<PeerLimits> | undefined;
  readonly port: MessagePort;
}

/** What a worker tells its node. */
export type WorkerNews =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | LogNews;

/** What a node tells its worker. */
export type WorkerOrder =
  | { readonly kind: 'stop'; readonly timeoutMs: number }
  | { readonly kind: 'tls'; readonly tls: TlsCredentials };

export interface WorkersOptions {
  readonly count: number;
  readonly hub: ThreadHub;
  /** Certificates that the threads share, also when they are renewed. */
  readonly tls: TlsTransport | undefined;
  readonly env: Env;
  readonly log: Log;
  readonly resourceLimits: ResourceLimits | undefined;
  /** Name of the node whose workers they are. */
  readonly parent: string;
  /** What the worker of that name starts with. */
  readonly startOf: (name: string) => Promise<Omit<WorkerStart, 'port'>>;
}

/** The worker threads of one node: starts them, starts anew what has died, and ends them. */
export class Workers {
  readonly #threads: readonly Thread[];
  readonly #forgetTls: (() => void) | undefined;

  constructor(options: WorkersOptions) {
    const names = Array.from({ length: options.count }, (_, i) => `${options.parent}-w${i + 1}`);
    this.#threads = names.map((name) => new Thread(name, options));
    this.#forgetTls = options.tls?.onReload((tls) => {
      for (const thread of this.#threads) thread.order({ kind: 'tls', tls });
    });
  }

  /** Names of the nodes that run in the threads. */
  get names(): readonly string[] {
    return this.#threads.map(({ name }) => name);
  }

  /** @throws {WorkerFailed} when one of them does not start; the others are left to `stop` */
  async start(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.start()));
  }

  /** Ends all threads, by force those that have not ended in time. */
  async stop(timeoutMs: number): Promise<void> {
    this.#forgetTls?.();
    await Promise.all(this.#threads.map((thread) => thread.stop(timeoutMs)));
  }
}

class Thread {
  readonly name: string;
  readonly #options: WorkersOptions;
  #worker: Worker | undefined;
  #exited: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #pauseMs = RESTART_MS;
  #isStopping = false;

  constructor(name: string, options: WorkersOptions) {
    this.name = name;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { hub, startOf, resourceLimits } = this.#options;
    const start = await startOf(this.name);
    if (this.#isStopping) return;
    const port = hub.admit(this.name);
    const worker = new Worker(new URL('./worker-thread.js', import.meta.url), {
      name: this.name,
      workerData: { ...start, port } satisfies WorkerStart,
      transferList: [port],
      ...(resourceLimits !== undefined && { resourceLimits }),
    });
    this.#worker = worker;
    const startedAt = this.#options.env.now();
    let isReady = false;
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#worker = undefined;
        resolve();
        if (isReady && !this.#isStopping) this.#startAgain(startedAt);
      });
    });
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (news: WorkerNews) => {
        if (news.kind === 'log') return this.#log(news);
        if (news.kind === 'failed') return reject(new WorkerFailed(this.name, news.error));
        isReady = true;
        worker.unref(); // It lives as long as the node does, and keeps nothing else alive.
        resolve();
      });
      worker.on('error', (error: unknown) => {
        this.#options.log.error({ worker: this.name, error }, 'a worker has failed');
        reject(new WorkerFailed(this.name, error));
      });
      worker.once('exit', (code) => {
        reject(new WorkerFailed(this.name, `the thread has ended with code ${code}`));
      });
    });
  }

  order(order: WorkerOrder): void {
    this.#worker?.postMessage(order);
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#isStopping = true;
    this.#timer?.cancel();
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref(); // Or the process might end while its worker is still at it.
    this.order({ kind: 'stop', timeoutMs });
    const { env, log } = this.#options;
    const timer = env.setTimer(timeoutMs + EXIT_TIMEOUT_MS, () => {
      log.warn({ worker: this.name }, 'a worker did not end by itself');
      void worker.terminate();
    });
    await this.#exited;
    timer.cancel();
  }

  /** A worker that dies again and again is given longer and longer pauses. */
  #startAgain(startedAt: number): void {
    const { env, log } = this.#options;
    if (env.now() - startedAt >= SETTLED_AFTER_MS) this.#pauseMs = RESTART_MS;
    log.warn({ worker: this.name, pauseMs: this.#pauseMs }, 'a worker has died');
    this.#timer = env.setTimer(this.#pauseMs, () => {
      this.start().catch((error: unknown) => {
        log.error({ worker: this.name, error }, 'a worker could not be started again');
        if (!this.#isStopping) this.#startAgain(env.now());
      });
    });
    this.#pauseMs = Math.min(2 * this.#pauseMs, RESTART_MS_MAX);
  }

  #log({ level, fields, message }: LogNews): void {
    this.#options.log[level]({ worker: this.name, ...fields }, message);
  }
}
