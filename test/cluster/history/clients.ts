import { setMaxListeners } from 'node:events';
import type { Random } from '@troupe/sim';
import type { Line, Outcome } from './line.ts';
import { type Load, read } from './load.ts';
import { pause } from './pause.ts';
import type { Recorder } from './recorder.ts';
import type { Reply, Server } from './server.ts';
import type { Servers } from './servers.ts';
import type { Task } from './words.ts';

/** Then a client takes the outcome for unknown, and its server for one that stands still. */
const PATIENCE_MS = 3_000;
/** While no server can be asked. */
const RETRY_MS = 50;
/** How often a client goes on with another server though nothing was wrong. */
const MOVE = 0.02;
const READERS = 16;
/** For a key to be read at last, before the run is given up. */
const LAST_READ_MS = 60_000;

export interface ClientsOptions {
  readonly servers: Servers;
  readonly recorder: Recorder;
  readonly load: Load;
  readonly random: Random;
  readonly count: number;
  /** Calls a second, of all together, as far as they are answered. */
  readonly rate: number;
}

/** A name that does one thing at a time; after an unknown outcome another takes its place. */
interface Client {
  readonly base: string;
  life: number;
  lock: string | undefined;
  /** The server that it asks, until that fails it. */
  at: string | undefined;
}

/** Those who ask, now here, now there, and write down what they were told. */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #stopping = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  readonly outcomes: Record<Outcome, number> = { ok: 0, fail: 0, unknown: 0 };
  #lastChangeMs = 0;
  /** Without a change that was acknowledged. */
  longestGapMs = 0;
  /** The same, but for the time when there was no majority that could talk. */
  longestOutageMs = 0;

  constructor(options: ClientsOptions) {
    this.#options = options;
    setMaxListeners(options.count, this.#stopping.signal); // Each of them waits with an ear on it.
  }

  /** How long nothing has been acknowledged. */
  get gapMs(): number {
    return performance.now() - this.#lastChangeMs;
  }

  start(): void {
    this.#lastChangeMs = performance.now();
    const clients = Array.from({ length: this.#options.count }, (_, i) => clientOf(`c${i + 1}`));
    this.#running = Promise.all(clients.map((client) => this.#live(client)));
  }

  /** Resolves when the last has its answer, or has given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Reads each of `keys` once more, each until it is answered. @throws when it never is */
  async readAll(keys: Iterable<string>, signal: AbortSignal): Promise<void> {
    const left = keys[Symbol.iterator]();
    const readers = Array.from({ length: READERS }, (_, i) => clientOf(`last${i + 1}`));
    await Promise.all(
      readers.map(async (reader) => {
        for (let next = left.next(); next.done !== true; next = left.next()) {
          await this.#readAtLast(reader, next.value, signal);
        }
      }),
    );
  }

  async #readAtLast(reader: Client, key: string, signal: AbortSignal): Promise<void> {
    const giveUpAtMs = performance.now() + LAST_READ_MS;
    while (performance.now() < giveUpAtMs) {
      signal.throwIfAborted();
      const server = this.#choose(reader);
      const task = read(nameOf(reader), key, 'linearizable');
      if (server !== undefined && (await this.#perform(reader, task, server)) === 'ok') return;
      await pause(RETRY_MS, signal);
    }
    throw new Error(`nobody could read ${key} for ${LAST_READ_MS} ms, when all was well again`);
  }

  async #live(client: Client): Promise<void> {
    const { load, random, count, rate } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await pause(random.exponential((1_000 * count) / rate), signal);
      const server = this.#choose(client);
      if (server === undefined) await pause(RETRY_MS, signal);
      else if (!signal.aborted) {
        await this.#perform(client, load.next(nameOf(client), client.lock), server);
      }
    }
  }

  /** Mostly the one as before: else all would soon wait for the one that stands still. */
  #choose(client: Client): Server | undefined {
    const { servers, random } = this.#options;
    const { up } = servers;
    const last = up.find(({ name }) => name === client.at);
    if (last !== undefined && !random.chance(MOVE)) return last;
    const server = up.length === 0 ? undefined : random.pick(up);
    client.at = server?.name;
    return server;
  }

  async #perform(client: Client, task: Task, server: Server): Promise<Outcome> {
    const { recorder } = this.#options;
    const call = recorder.now();
    const reply = await server.ask({ kind: 'task', task }, PATIENCE_MS);
    const outcome = outcomeOf(reply);
    this.outcomes[outcome] += 1;
    recorder.write(lineOf(task, reply, { call, return: recorder.now(), node: server.name }));
    this.#learn(client, task, reply);
    return outcome;
  }

  #learn(client: Client, task: Task, reply: Reply): void {
    const { load } = this.#options;
    const { op, key, value } = task;
    if (reply.kind === 'failed') {
      client.at = undefined;
      if (reply.executed === 'no') return;
      client.life += 1;
      client.lock = undefined; // Whoever holds it now is no more.
      if (op !== 'read') load.doubts(key);
      return;
    }
    if (op !== 'read') this.#changed();
    if (op === 'release') client.lock = undefined;
    if (op === 'acquire' && reply.value !== null) client.lock = key;
    if (op === 'write') load.saw(key, value as number);
    if (op === 'cas' && reply.value === true) load.saw(key, (value as readonly number[])[1] ?? 0);
    if (op === 'read' && key.startsWith('register') && typeof reply.value !== 'string') {
      load.saw(key, reply.value as number | null);
    }
  }

  #changed(): void {
    const nowMs = performance.now();
    const { majoritySinceMs = nowMs } = this.#options.servers;
    this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastChangeMs);
    const outageMs = nowMs - Math.max(this.#lastChangeMs, majoritySinceMs);
    this.longestOutageMs = Math.max(this.longestOutageMs, outageMs);
    this.#lastChangeMs = nowMs;
  }
}

function clientOf(base: string): Client {
  return { base, life: 1, lock: undefined, at: undefined };
}

function nameOf({ base, life }: Client): string {
  return `${base}.${life}`;
}

function outcomeOf(reply: Reply): Outcome {
  if (reply.kind === 'done') return 'ok';
  return reply.executed === 'no' ? 'fail' : 'unknown';
}

/** What was given, what was told, or both. */
function valueOf(op: Task['op'], given: Task['value'], told: unknown): unknown {
  if (op === 'cas') return [...(given as readonly unknown[]), told];
  return op === 'hold' ? told : (given ?? told);
}

function lineOf(
  { client, op, key, value }: Task,
  reply: Reply,
  at: { readonly call: number; readonly return: number; readonly node: string },
): Line {
  const told = reply.kind === 'done' ? reply.value : null;
  const outcome = outcomeOf(reply);
  return {
    client,
    op,
    key,
    value: valueOf(op, value, told),
    call: at.call,
    return: outcome === 'unknown' ? null : at.return,
    outcome,
    node: at.node,
    ...(reply.kind === 'failed' && { error: reply.code }),
  };
}
