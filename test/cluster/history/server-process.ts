// One of the servers of a history, in a process of its own with a disk of its own.
import { isCallError, processEnv } from '@troupe/actor';
import {
  type Consensus,
  type Coordination,
  openCoordination,
  type Outcome,
  type Replica,
  Replicated,
  replicate,
  type SnapshotSource,
} from '@troupe/consensus';
import { bodyOf, isBodyOf } from './bodies.ts';
import { type Running, startDriver } from './drivers.ts';
import { Objects, type Value } from './objects.ts';
import { pause } from './pause.ts';
import type { Arranged, Arrangement, Begin, Mistake, Order, Task, Word } from './words.ts';

/** Less than a client waits, so that it mostly gets an answer. */
const TIMEOUT_MS = 2_000;
/** Many, so that files of the log are used again, and members left behind get snapshots. */
const LIMITS = { snapshotEntries: 500, keepEntries: 50 };
/** Short, so that those who stand still lose what they hold. */
const SESSION = { ttlMs: 2_000 };
/** How long somebody waits to hear that a lock is to be had. */
const LOCK_PATIENCE_MS = 1_500;
/** For one whose mistake it is to try again as if nothing had happened. */
const IMPATIENCE_MS = 1;

/** Lines that are refused and break are what is meant to happen; an error never is. */
const env = processEnv({
  log: {
    ...processEnv().log,
    warn: () => {},
    error: (fields, message) => say({ kind: 'trouble', why: troubleOf(fields, message) }),
  },
});

/** Its snapshots leave out the table of sessions. */
class Forgetful extends Replicated<Objects> {
  override snapshot(): SnapshotSource {
    const [state] = super.snapshot().chunks() as readonly Uint8Array[];
    return { chunks: () => (state === undefined ? [] : [state]) };
  }
}

interface ServerParts {
  readonly running: Running;
  readonly group: Consensus<Outcome>;
  readonly machine: Replicated<Objects>;
  readonly coordination: Coordination;
  readonly mistake: Mistake | undefined;
}

class Server {
  readonly #running: Running;
  readonly #group: Consensus<Outcome>;
  readonly #objects: Replica<Objects>;
  readonly #coordination: Coordination;
  readonly #mistake: Mistake | undefined;

  constructor({ running, group, machine, coordination, mistake }: ServerParts) {
    this.#running = running;
    this.#group = group;
    this.#coordination = coordination;
    this.#objects = replicate(group, machine, { env }).with({ timeoutMs: TIMEOUT_MS });
    this.#mistake = mistake;
  }

  async obey(order: Order): Promise<unknown> {
    switch (order.kind) {
      case 'task':
        return this.#perform(order.task);
      case 'state':
        return this.#objects.state();
      case 'transfer':
        return this.#group.transferLeadership(order.to, { timeoutMs: TIMEOUT_MS });
      case 'arrange':
        return this.#arrange(order.arrangement);
      case 'meet':
        return this.#running.reach(order.name, order.address);
      case 'block':
        return block(order.forMs);
      case 'leave':
        return this.#leave(order.handsOver);
    }
  }

  /** Tells who leads, from the beginning on. */
  async watch(): Promise<void> {
    for await (const event of this.#group.events(new AbortController().signal)) {
      if (event.kind === 'leader') say(event);
      if (event.kind === 'fatal') end(event.error);
    }
  }

  /** As a node does it when it is told to stop. */
  async #leave(handsOver: boolean): Promise<void> {
    const { driver } = this.#running;
    if (handsOver) await driver.handOver({ timeoutMs: TIMEOUT_MS });
    await this.#coordination.close();
    await driver.stop();
  }

  /** One step towards a group that consists of those who are wanted. */
  async #arrange({ group: name, wanted, as }: Arrangement): Promise<Arranged> {
    const group = name === 'objects' ? this.#group : this.#coordination.group;
    const { leader = null, node, epoch, last } = group.status();
    if (leader !== node) return { leader, isDone: false };
    const { voters, learners, isChanging } = group.members();
    const present = [...voters, ...learners];
    const changes = [
      ...wanted.filter((one) => !present.includes(one)).map((add) => ({ add, as })),
      ...present.filter((one) => !wanted.includes(one)).map((remove) => ({ remove })),
    ];
    if (changes.length > 0) {
      await group.changeMembers(changes, { expected: { voters }, timeoutMs: TIMEOUT_MS });
      return { leader, isDone: false };
    }
    // What stands in the log is not agreed on yet, and may go with this leader.
    while (group.status().committed < last && group.status().epoch === epoch) {
      await group.read({ timeoutMs: TIMEOUT_MS });
    }
    const isDone = !isChanging && learners.length === 0 && group.status().epoch === epoch;
    return { leader, isDone };
  }

  #perform({ client, op, key, value, consistency }: Task): Promise<unknown> {
    const objects = this.#objects;
    switch (op) {
      case 'read':
        return this.#read(key, this.#mistake === 'stale-reads' ? 'stale' : consistency);
      case 'write':
        return objects.write(key, valueOf(value as number));
      case 'cas': {
        const [from, to] = value as readonly [number | null, number];
        return objects.cas(key, from, valueOf(to));
      }
      case 'append':
        return objects.append(key, value as number);
      case 'add':
        return this.#mistake === 'repeats' ? this.#addWhatever(key) : objects.add(key);
      case 'acquire':
        return objects.acquire(key, client);
      case 'release':
        return objects.release(key, client);
      case 'hold':
        return this.#hold(key, value as number);
    }
  }

  async #read(key: string, consistency: 'linearizable' | 'lease' | 'stale'): Promise<unknown> {
    const objects = this.#objects.with({ consistency });
    if (key.startsWith('register')) return seen(await objects.register(key));
    return key.startsWith('list') ? objects.list(key) : objects.counter(key);
  }

  /** @returns null when it is not to be had; until when it was certainly held, by its own word */
  async #hold(key: string, holdMs: number): Promise<unknown> {
    const { locks } = this.#coordination;
    const lock = await locks.tryAcquire(key, { timeoutMs: LOCK_PATIENCE_MS });
    if (lock === undefined) return null;
    const from = machineTimeMs();
    await pause(holdMs, lock.signal);
    const until = machineTimeMs();
    const isSure = !lock.signal.aborted;
    await lock.release();
    return { token: lock.token, from, until: isSure ? until : null };
  }

  /** The mistake of whoever calls again what may have happened. */
  async #addWhatever(key: string): Promise<number> {
    for (;;) {
      try {
        return await this.#objects.with({ timeoutMs: IMPATIENCE_MS }).add(key);
      } catch (error) {
        if (!isCallError(error)) throw error;
      }
    }
  }
}

function valueOf(number: number): Value {
  return { number, body: bodyOf(number) };
}

/** The number that was written, or what nobody wrote. */
function seen(value: Value | null): number | string | null {
  if (value === null || isBodyOf(value.number, value.body)) return value?.number ?? null;
  return `${value.number}, with a body that was not written`;
}

function block(forMs: number): void {
  const end = performance.now() + forMs;
  while (performance.now() < end);
}

/** The same for all processes. */
function machineTimeMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

function say(word: Word): void {
  if (process.connected) process.send?.(word);
}

function troubleOf(fields: object, message: string): string {
  const known = Object.entries(fields).map(([name, value]) => `${name} ${String(value)}`);
  return [message, ...known].join(', ');
}

function end(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  const word: Word = { kind: 'fatal', why };
  process.send?.(word, () => process.exit(1));
}

async function start(begin: Begin): Promise<Server> {
  const { voters, mistake } = begin;
  const running = await startDriver(begin, env);
  const { driver } = running;
  const machine = new (mistake === 'forgets-sessions' ? Forgetful : Replicated)(Objects);
  const group = await driver.open({
    ...LIMITS,
    group: 'objects',
    machine,
    voters,
    leaseReads: true,
  });
  const coordination = await openCoordination(driver, { ...LIMITS, ...SESSION, voters, env });
  say({ kind: 'listens', address: running.address() });
  return new Server({ running, group, machine, coordination, mistake });
}

async function answer(server: Server, order: Order): Promise<void> {
  const { id } = order;
  try {
    say({ kind: 'done', id, value: (await server.obey(order)) ?? null });
    if (order.kind === 'leave') process.disconnect();
  } catch (error) {
    if (!isCallError(error)) return end(error);
    say({
      kind: 'failed',
      id,
      executed: error.executed === 'no' ? 'no' : 'unknown',
      code: error.code,
    });
  }
}

process.on('disconnect', () => process.exit()); // Whoever watched it is gone.
// Ctrl-C reaches every process of the terminal; the first one tells the others when to end.
process.on('SIGINT', () => undefined);
try {
  const server = await start(JSON.parse(process.argv[2] ?? '') as Begin);
  process.on('message', (order: Order) => void answer(server, order));
  void server.watch();
} catch (error) {
  end(error);
}
