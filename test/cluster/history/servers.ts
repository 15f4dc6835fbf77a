import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cut, Link } from './links.ts';
import { Server } from './server.ts';
import type { Begin, Threading } from './words.ts';

export interface ServersOptions extends Pick<Begin, 'power' | 'mistake' | 'directory'> {
  readonly nodes: number;
  readonly thread: Threading;
  /** Something happened that nobody had meant to. */
  readonly complain: (why: string) => void;
}

/** For a server to say that it knows of another. */
const MEET_MS = 3_000;

/** From server to server: what a text looks like that was in a file before depends on it. */
const SEGMENT_BYTES = [2 ** 24, 2 ** 20, 2 ** 22] as const;

/** From one server to another. */
export type Way = readonly [from: string, to: string];

/** All servers, their disks, and the links between them. */
export class Servers implements AsyncDisposable {
  readonly #options: ServersOptions;
  /** Those who begin the groups. */
  readonly #founders: readonly string[];
  /** Those who take part, and can be asked. */
  readonly #names: Set<string>;
  /** These, those who are coming, and those who are going. */
  readonly #present: Set<string>;
  #hired: number;
  readonly #links = new Map<string, Link>();
  /** By name; the last life of each. */
  readonly #servers = new Map<string, Server>();
  readonly #epochs = new Set<number>();
  #leader: { readonly name: string | undefined; readonly epoch: number } = {
    name: undefined,
    epoch: 0,
  };
  readonly #waiting = new Set<() => void>();
  #majoritySinceMs: number | undefined;

  private constructor(options: ServersOptions) {
    this.#options = options;
    this.#founders = Array.from({ length: options.nodes }, (_, i) => `n${i + 1}`);
    this.#names = new Set(this.#founders);
    this.#present = new Set();
    this.#hired = options.nodes;
    process.once('exit', this.#killAll); // Also when somebody loses patience.
  }

  static async create(options: ServersOptions): Promise<Servers> {
    const servers = new Servers(options);
    for (const name of servers.names) await servers.#seat(name);
    return servers;
  }

  /** Those who take part, and can be asked. */
  get names(): readonly string[] {
    return [...this.#names];
  }

  /** How often somebody was elected, by what servers say. */
  get elections(): number {
    return this.#epochs.size;
  }

  /** The latest election that anybody has told of. */
  get epoch(): number {
    return this.#leader.epoch;
  }

  /** Who leads, by what the one that knows of the latest election says. */
  get leader(): string | undefined {
    return this.#leader.name;
  }

  get all(): readonly Server[] {
    return [...this.#servers.values()];
  }

  get up(): readonly Server[] {
    return this.all.filter(({ name, isUp }) => isUp && this.#names.has(name));
  }

  /** Since when a majority runs and can talk, by `performance.now()`; undefined: there is none. */
  get majoritySinceMs(): number | undefined {
    return this.#majoritySinceMs;
  }

  /** Whether it runs its groups on a thread. */
  hasThread(name: string): boolean {
    const { thread } = this.#options;
    return thread === 'all' || (thread === 'mixed' && numberOf(name) % 2 === 1);
  }

  /** The last life of `name`; undefined when it is gone for good. */
  find(name: string): Server | undefined {
    return this.#servers.get(name);
  }

  /** Starts a server that takes part in nothing yet. @returns its name, which nobody ever had */
  async hire(): Promise<string> {
    const name = `n${(this.#hired += 1)}`;
    await this.#seat(name);
    for (const server of this.all) this.#introduce(server, name);
    this.start(name);
    return name;
  }

  /** Nobody asks it any more. */
  retire(name: string): void {
    this.#names.delete(name);
    this.#changed();
  }

  /** These take part from now on; all others end for good, and their disks are lost. */
  async keep(names: readonly string[]): Promise<void> {
    for (const name of names) this.#names.add(name);
    for (const name of this.#present) if (!names.includes(name)) await this.#dismiss(name);
    this.#changed();
  }

  start(name: string): void {
    if (!this.#present.has(name)) return; // It has just gone for good.
    const { power, mistake, thread } = this.#options;
    const others = [...this.#present].filter((other) => other !== name);
    const begin: Begin = {
      name,
      voters: this.#founders.includes(name) ? this.#founders : [],
      peers: Object.fromEntries(others.map((to) => [to, this.#link(name, to)?.address ?? ''])),
      directory: this.#directoryOf(name),
      segmentBytes: SEGMENT_BYTES[numberOf(name) % SEGMENT_BYTES.length] ?? 2 ** 20,
      hadLeft: this.find(name)?.hasLeft ?? false,
      driver: this.hasThread(name) ? 'thread' : 'loop',
      hasThreads: thread !== 'none',
      power,
      mistake,
    };
    const server = new Server(begin, {
      listens: (address) => {
        for (const from of this.#present) this.#link(from, name)?.leadTo(address);
        // Who came while it started found nobody to be introduced to.
        for (const to of this.#present) if (!others.includes(to)) this.#introduce(server, to);
        this.#changed();
      },
      leader: (leader, epoch) => this.#heard(leader, epoch),
      failed: (why) => {
        this.#options.complain(`${name}: ${why}`);
        this.#changed();
      },
    });
    this.#servers.set(name, server);
  }

  async kill(name: string): Promise<void> {
    const ended = this.find(name)?.end();
    this.#changed();
    await ended;
  }

  /** Stops it in good order. @param handsOver lets others lead first */
  async leave(name: string, handsOver: boolean): Promise<void> {
    const ended = this.find(name)?.leave(handsOver);
    this.#changed();
    await ended;
  }

  stop(name: string): void {
    this.find(name)?.stop();
    this.#changed();
  }

  goOn(name: string): void {
    this.find(name)?.goOn();
    this.#changed();
  }

  cut(ways: readonly Way[], how: Cut): void {
    for (const [from, to] of ways) this.#link(from, to)?.cut(how);
    this.#changed();
  }

  mend(ways: readonly Way[]): void {
    for (const [from, to] of ways) this.#link(from, to)?.mend();
    this.#changed();
  }

  /** All that stands still goes on, all links are whole, and what is down is started. */
  heal(): void {
    for (const link of this.#links.values()) link.mend();
    for (const name of this.#present) {
      const server = this.find(name);
      if (server?.isStopped === true) this.goOn(name);
      if (server === undefined || server.hasEnded) this.start(name);
    }
  }

  /** @throws after `limitMs`, or as `signal` says */
  until(
    holds: () => boolean,
    options: { readonly what: string; readonly limitMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const { what, limitMs, signal } = options;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (holds()) done(resolve);
      };
      const onAbort = (): void => done(() => reject(signal.reason as Error));
      const done = (then: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        signal.removeEventListener('abort', onAbort);
        then();
      };
      const tooLate = new Error(`not within ${limitMs} ms that ${what}`);
      const timer = setTimeout(() => done(() => reject(tooLate)), limitMs);
      this.#waiting.add(look);
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
      else look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#killAll);
    await Promise.all(this.all.map((server) => server.end()));
    await Promise.all([...this.#links.values()].map((link) => link[Symbol.asyncDispose]()));
  }

  /** Tells a server where it finds another one. */
  #introduce(server: Server, name: string): void {
    const address = this.#link(server.name, name)?.address;
    if (address !== undefined) void server.ask({ kind: 'meet', name, address }, MEET_MS);
  }

  /** Links it to all others, both ways. */
  async #seat(name: string): Promise<void> {
    for (const other of this.#present) {
      this.#links.set(`${name} ${other}`, await Link.open());
      this.#links.set(`${other} ${name}`, await Link.open());
      const at = this.find(other)?.address;
      if (at !== undefined) this.#link(name, other)?.leadTo(at);
    }
    this.#present.add(name);
  }

  async #dismiss(name: string): Promise<void> {
    this.#present.delete(name);
    await this.kill(name);
    this.#servers.delete(name);
    for (const other of this.#present) {
      for (const way of [`${name} ${other}`, `${other} ${name}`]) {
        await this.#links.get(way)?.[Symbol.asyncDispose]();
        this.#links.delete(way);
      }
    }
    await rm(this.#directoryOf(name), { recursive: true, force: true });
  }

  #directoryOf(name: string): string {
    return join(this.#options.directory, name);
  }

  #link(from: string, to: string): Link | undefined {
    return this.#links.get(`${from} ${to}`);
  }

  #heard(name: string | undefined, epoch: number): void {
    if (name !== undefined) this.#epochs.add(epoch);
    const { epoch: latest, name: known } = this.#leader;
    if (epoch > latest || (epoch === latest && known === undefined)) this.#leader = { name, epoch };
    this.#changed();
  }

  #changed(): void {
    if (!this.#hasMajority()) this.#majoritySinceMs = undefined;
    else this.#majoritySinceMs ??= performance.now();
    for (const look of this.#waiting) look();
  }

  /**
   * Whether more than half of all run, and can talk to each other both ways; while members change
   * one more, which makes it a majority of those before and of those after.
   */
  #hasMajority(): boolean {
    const able = this.all.filter(({ isUp, isStopped }) => isUp && !isStopped);
    const names = able.map(({ name }) => name);
    const isChanging = this.#present.size > this.#names.size;
    const least = this.#present.size / 2 + (isChanging ? 1 : 0);
    const isCut = (a: string, b: string): boolean => this.#link(a, b)?.isCut ?? false;
    for (let set = 0; set < 2 ** names.length; set += 1) {
      const some = names.filter((_, i) => (set & (1 << i)) !== 0);
      if (some.length <= least) continue;
      if (!some.some((a) => some.some((b) => isCut(a, b)))) return true;
    }
    return false;
  }

  readonly #killAll = (): void => {
    for (const server of this.all) server.kill();
  };
}

function numberOf(name: string): number {
  return Number(name.slice(1));
}
