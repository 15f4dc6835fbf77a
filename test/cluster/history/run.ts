import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@troupe/sim';
import { Clients } from './clients.ts';
import { Crew } from './crew.ts';
import { type Outcome, RUN } from './line.ts';
import { Load } from './load.ts';
import type { State } from './objects.ts';
import { pause } from './pause.ts';
import { Recorder } from './recorder.ts';
import type { Reply } from './server.ts';
import { Servers } from './servers.ts';
import { type FaultKind, Storm } from './storm.ts';
import type { Mistake, Threading } from './words.ts';

export interface RunOptions {
  readonly seconds: number;
  readonly file: string;
  readonly nodes: number;
  readonly clients: number;
  /** Calls a second, of all clients. */
  readonly rate: number;
  readonly seed: number;
  readonly faults: readonly FaultKind[];
  readonly power: boolean;
  readonly thread: Threading;
  readonly mistake: Mistake | undefined;
  /** Leave the servers' disks behind. */
  readonly keep: boolean;
  /** Ends the run early; what was recorded until then is a history. */
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

/** What a run was like, as its history says at its end. */
export interface Figures {
  readonly seconds: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly elections: number;
  /** Of leaders on a thread whose main loop was blocked, while nothing else went wrong. */
  readonly blockedLeads: Readonly<Record<'kept' | 'lost', number>>;
  readonly longestGapMs: number;
  readonly longestOutageMs: number;
}

const PROGRESS_MS = 5_000;
/** For all to come up, and for all to find together again when nothing fails any more. */
const LIMIT_MS = 60_000;
/** A write that is acknowledged so soon before says that there is a leader. */
const RECENT_MS = 200;
const ASK_AGAIN_MS = 100;

/** Records a history in `file`. What went wrong on the way is in it too. */
export async function record(options: RunOptions): Promise<void> {
  using recorder = new Recorder(options.file);
  const { nodes, clients, rate, seed, faults, power, thread, mistake = null } = options;
  const note = (op: string, value: unknown, key = ''): void => {
    const at = recorder.now();
    recorder.write({ client: RUN, op, key, value, call: at, return: at, outcome: 'ok' });
  };
  note('begin', { format: 1, nodes, clients, rate, seed, faults, power, thread, mistake });
  const directory = await mkdtemp(join(tmpdir(), 'troupe-history-'));
  try {
    note('end', await new Run(options, { recorder, directory, note }).run());
  } finally {
    if (options.keep) options.progress(`the disks are in ${directory}`);
    else await rm(directory, { recursive: true });
  }
}

interface RunParts {
  readonly recorder: Recorder;
  readonly directory: string;
  readonly note: (op: string, value: unknown, key?: string) => void;
}

class Run {
  readonly #options: RunOptions;
  readonly #parts: RunParts;
  readonly #failing = new AbortController();
  /** It was interrupted, or there is no sense in going on. */
  readonly #over: AbortSignal;

  constructor(options: RunOptions, parts: RunParts) {
    this.#options = options;
    this.#parts = parts;
    this.#over = AbortSignal.any([options.signal, this.#failing.signal]);
  }

  async run(): Promise<Figures> {
    const { nodes, power, thread, mistake } = this.#options;
    const { recorder, directory } = this.#parts;
    const complain = (why: string): void => this.#fail(new Error(why));
    const random = new Random(this.#options.seed);
    const load = new Load(random.fork('load'));
    const disks = { power, mistake, directory };
    await using servers = await Servers.create({ nodes, thread, ...disks, complain });
    const parts = { servers, recorder };
    const { clients: count, rate, faults: kinds } = this.#options;
    const clients = new Clients({ ...parts, load, random: random.fork('clients'), count, rate });
    const crew = new Crew(servers, random.fork('crew'));
    const storm = new Storm({ ...parts, crew, random: random.fork('storm'), kinds });
    const startedAtMs = performance.now();
    try {
      await this.#startAll(servers);
      clients.start();
      await this.#endure({ servers, clients, storm });
      await this.#settle({ servers, clients, crew, load });
    } catch (error) {
      this.#fail(error);
    }
    await servers[Symbol.asyncDispose](); // So that whoever still waits is told.
    await clients.stop();
    const { outcomes, longestGapMs, longestOutageMs } = clients;
    return {
      seconds: (performance.now() - startedAtMs) / 1_000,
      outcomes,
      faults: storm.counts,
      elections: servers.elections,
      blockedLeads: storm.blockedLeads,
      longestGapMs,
      longestOutageMs,
    };
  }

  /** The first that goes wrong without having been meant to ends the run. */
  #fail(error: unknown): void {
    if (this.#over.aborted) return;
    const why = error instanceof Error ? error.message : String(error);
    this.#options.progress(why);
    this.#parts.note('complaint', why);
    this.#failing.abort(error);
  }

  async #startAll(servers: Servers): Promise<void> {
    const { progress } = this.#options;
    const signal = this.#over;
    for (const name of servers.names) servers.start(name);
    const all = servers.names.length;
    const what = 'all servers are up and one leads';
    const holds = (): boolean => servers.up.length === all && servers.leader !== undefined;
    await servers.until(holds, { what, limitMs: LIMIT_MS, signal });
    const pids = servers.all.map(({ pid }) => pid).join(' ');
    progress(`${all} servers are up, processes ${pids}; ${servers.leader} leads`);
  }

  /** All that is to go wrong does, for as long as it is to. */
  async #endure({ servers, clients, storm }: Scene): Promise<void> {
    const { seconds, progress } = this.#options;
    const signal = this.#over;
    const calm = new AbortController();
    const stop = (): void => calm.abort();
    signal.addEventListener('abort', stop);
    const blowing = storm.blow(calm.signal);
    const startedAtMs = performance.now();
    for (;;) {
      const elapsedMs = performance.now() - startedAtMs;
      const leftMs = seconds * 1_000 - elapsedMs;
      if (leftMs < 1 || signal.aborted) break;
      await pause(Math.min(leftMs, PROGRESS_MS), signal);
      const { ok, unknown } = clients.outcomes;
      const faults = Object.values(storm.counts).reduce((sum, count) => sum + count, 0);
      const so = `${ok} calls, ${unknown} of unknown outcome, ${faults} faults`;
      const led = `${servers.elections} elections, ${servers.leader ?? 'nobody'} leads`;
      progress(`${Math.round((performance.now() - startedAtMs) / 1_000)} s: ${so}, ${led}`);
    }
    calm.abort();
    signal.removeEventListener('abort', stop);
    await blowing;
  }

  /** When nothing fails any more all is well again, and nothing that was acknowledged is lost. */
  async #settle({ servers, clients, crew, load }: Aftermath): Promise<void> {
    const { progress } = this.#options;
    const signal = this.#over;
    signal.throwIfAborted();
    await this.#startMissing(servers);
    await this.#arrange(crew);
    const giveUpAtMs = performance.now() + LIMIT_MS;
    while (clients.gapMs > RECENT_MS) {
      if (performance.now() > giveUpAtMs) {
        throw new Error(`nothing was acknowledged for ${LIMIT_MS} ms, when all was well again`);
      }
      await pause(ASK_AGAIN_MS, signal);
      signal.throwIfAborted();
    }
    await clients.stop();
    if (this.#options.faults.includes('restart')) {
      progress('all is well again; all servers stop in good order, and start again');
      await Promise.all(servers.all.map(({ name }) => servers.leave(name, true)));
      signal.throwIfAborted();
      await this.#startMissing(servers);
    }
    const keys = [...load.keys()];
    progress(`all is well again, and ${keys.length} keys are read once more`);
    await clients.readAll(keys, signal);
    await this.#compare(servers);
  }

  async #startMissing(servers: Servers): Promise<void> {
    servers.heal();
    const areUp = (): boolean => servers.all.every(({ isUp }) => isUp);
    const options = { limitMs: LIMIT_MS, signal: this.#over };
    await servers.until(areUp, { ...options, what: 'all servers are up again' });
  }

  async #arrange(crew: Crew): Promise<void> {
    await crew.settle(AbortSignal.any([this.#over, AbortSignal.timeout(LIMIT_MS)]));
    this.#over.throwIfAborted();
    if (crew.isChanging) throw new Error(`the members were not agreed on for ${LIMIT_MS} ms`);
  }

  /** Servers that are equally far are in the same state, or something is wrong. */
  async #compare(servers: Servers): Promise<void> {
    const giveUpAtMs = performance.now() + LIMIT_MS;
    for (;;) {
      const asked = servers.all.map((server) => server.ask({ kind: 'state' }, LIMIT_MS));
      const states = (await Promise.all(asked)).map(stateOf);
      this.#over.throwIfAborted();
      const [first] = states;
      const areFar = first !== undefined && states.every((state) => state?.index === first.index);
      if (areFar || performance.now() > giveUpAtMs) {
        for (const [i, state] of states.entries()) {
          this.#parts.note('state', state ?? null, servers.all[i]?.name);
        }
        return;
      }
      await pause(ASK_AGAIN_MS, this.#over);
    }
  }
}

function stateOf(reply: Reply): State | undefined {
  return reply.kind === 'done' ? (reply.value as State) : undefined;
}

interface Aftermath {
  readonly servers: Servers;
  readonly clients: Clients;
  readonly crew: Crew;
  readonly load: Load;
}

interface Scene {
  readonly servers: Servers;
  readonly clients: Clients;
  readonly storm: Storm;
}
