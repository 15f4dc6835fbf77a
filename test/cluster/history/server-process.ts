// One of the servers of a history, in a process of its own with a disk of its own.
import { isCallError, processEnv } from '@troupe/actor';
import {
  type Consensus,
  type Coordination,
  Engine,
  type Files,
  nodeFiles,
  openCoordination,
  openStore,
  type Outcome,
  type Replica,
  Replicated,
  replicate,
  type SnapshotSource,
  TransportWire,
} from '@troupe/consensus';
import { heldFiles } from './held-files.ts';
import { Objects } from './objects.ts';
import { pause } from './pause.ts';
import type { Arranged, Arrangement, Begin, Mistake, Order, Task, Word } from './words.ts';

/** Less than a client waits, so that it mostly gets an answer. */
const DEADLINE_MS = 2_000;
/** Many small ones, so that logs are shortened and members left behind get snapshots. */
const LIMITS = { snapshotEntries: 1_000, keepEntries: 100 };
const STORAGE = { segmentBytes: 2 ** 20, reserveBytes: 0 };
/** How late a disk is that lies about syncs, as an operating system that writes when it likes. */
const LATE_MS = 400;
/** Short, so that those who stand still lose what they hold. */
const SESSION = { ttlMs: 2_000 };
/** How long somebody waits to hear that a lock is to be had. */
const LOCK_PATIENCE_MS = 1_500;
/** For one whose mistake it is to try again as if nothing had happened. */
const IMPATIENCE_MS = 1;

/** Lines that are refused and break are what is meant to happen. */
const env = processEnv({ log: { ...processEnv().log, warn: () => {} } });

/** Its snapshots leave out the table of sessions. */
class Forgetful extends Replicated<Objects> {
  override snapshot(): SnapshotSource {
    const [state] = super.snapshot().chunks() as readonly Uint8Array[];
    return { chunks: () => (state === undefined ? [] : [state]) };
  }
}

interface ServerParts {
  readonly group: Consensus<Outcome>;
  readonly machine: Replicated<Objects>;
  readonly coordination: Coordination;
  /** Where the others are to be reached. */
  readonly peers: Map<string, string>;
  readonly mistake: Mistake | undefined;
}

class Server {
  readonly #group: Consensus<Outcome>;
  readonly #objects: Replica<Objects>;
  readonly #coordination: Coordination;
  readonly #peers: Map<string, string>;
  readonly #mistake: Mistake | undefined;

  constructor({ group, machine, coordination, peers, mistake }: ServerParts) {
    this.#group = group;
    this.#coordination = coordination;
    this.#peers = peers;
    this.#objects = replicate(group, machine, { env }).with({ deadlineMs: DEADLINE_MS });
    this.#mistake = mistake;
  }

  async obey(order: Order): Promise<unknown> {
    switch (order.kind) {
      case 'task':
        return this.#perform(order.task);
      case 'state':
        return this.#objects.state();
      case 'transfer':
        return this.#group.transferLeadership(order.to, { deadlineMs: DEADLINE_MS });
      case 'arrange':
        return this.#arrange(order.arrangement);
      case 'meet':
        return this.#peers.set(order.name, order.address).size;
    }
  }

  /** Tells who leads, from the beginning on. */
  async watch(): Promise<void> {
    for await (const event of this.#group.events(new AbortController().signal)) {
      if (event.kind === 'leader') say(event);
      if (event.kind === 'fatal') end(event.error);
    }
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
      await group.changeMembers(changes, { expected: { voters }, deadlineMs: DEADLINE_MS });
      return { leader, isDone: false };
    }
    // What stands in the log is not agreed on yet, and may go with this leader.
    while (group.status().committed < last && group.status().epoch === epoch) {
      await group.read({ deadlineMs: DEADLINE_MS });
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
        return objects.write(key, value as number);
      case 'cas': {
        const [from, to] = value as readonly [number | null, number];
        return objects.cas(key, from, to);
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

  #read(key: string, consistency: 'linearizable' | 'lease' | 'stale'): Promise<unknown> {
    const objects = this.#objects.with({ consistency });
    if (key.startsWith('register')) return objects.register(key);
    return key.startsWith('list') ? objects.list(key) : objects.counter(key);
  }

  /** @returns null when it is not to be had; until when it was certainly held, by its own word */
  async #hold(key: string, holdMs: number): Promise<unknown> {
    const { locks } = this.#coordination;
    const lock = await locks.tryAcquire(key, { waitMs: LOCK_PATIENCE_MS });
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
        return await this.#objects.with({ deadlineMs: IMPATIENCE_MS }).add(key);
      } catch (error) {
        if (!isCallError(error)) throw error;
      }
    }
  }
}

/** The same for all processes. */
function machineTimeMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

function say(word: Word): void {
  if (process.connected) process.send?.(word);
}

function end(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  const word: Word = { kind: 'fatal', why };
  process.send?.(word, () => process.exit(1));
}

async function filesOf({ directory, power, mistake }: Begin): Promise<Files> {
  const files = await nodeFiles(directory);
  if (mistake === 'no-sync') return heldFiles(files, { lateMs: LATE_MS });
  return power ? heldFiles(files) : files;
}

async function start(begin: Begin): Promise<Server> {
  const { name, voters, mistake } = begin;
  const peers = new Map(Object.entries(begin.peers));
  const options = { ...STORAGE, cluster: 'history', node: name, env };
  const opened = await openStore(await filesOf(begin), options);
  if (opened.verdict === 'corrupt') {
    const { file, offset, reason } = opened.damage;
    throw new Error(`its log is damaged: ${reason}, in ${file} at ${offset}`);
  }
  const wire = new TransportWire({
    listen: '127.0.0.1:0',
    addressOf: (node) => peers.get(node),
    env,
  });
  const engine = new Engine({ node: name, store: opened.store, wire, env });
  const machine = new (mistake === 'forgets-sessions' ? Forgetful : Replicated)(Objects);
  const group = await engine.open({
    ...LIMITS,
    group: 'objects',
    machine,
    voters,
    leaseReads: true,
  });
  const coordination = await openCoordination(engine, { ...LIMITS, ...SESSION, voters, env });
  say({ kind: 'listens', address: wire.address });
  return new Server({ group, machine, coordination, peers, mistake });
}

async function answer(server: Server, order: Order): Promise<void> {
  const { id } = order;
  try {
    say({ kind: 'done', id, value: (await server.obey(order)) ?? null });
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
