import { join } from 'node:path';
import { type Cut, Link } from './links.ts';
import { Server } from './server.ts';
import type { Begin } from './words.ts';

export interface ServersOptions extends Pick<Begin, 'power' | 'mistake' | 'directory'> {
  readonly nodes: number;
  /** Something happened that nobody had meant to. */
  readonly complain: (why: string) => void;
}

/** From one server to another. */
export type Way = readonly [from: string, to: string];

/** All servers, their disks, and the links between them. */
export class Servers implements AsyncDisposable {
  readonly names: readonly string[];
  readonly #options: ServersOptions;
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
    this.names = Array.from({ length: options.nodes }, (_, i) => `n${i + 1}`);
    process.once('exit', this.#killAll); // Also when somebody loses patience.
  }

  static async create(options: ServersOptions): Promise<Servers> {
    const servers = new Servers(options);
    for (const from of servers.names) {
      for (const to of servers.names) {
        if (from !== to) servers.#links.set(`${from} ${to}`, await Link.open());
      }
    }
    return servers;
  }

  /** How often somebody was elected, by what servers say. */
  get elections(): number {
    return this.#epochs.size;
  }

  /** Who leads, by what the one that knows of the latest election says. */
  get leader(): string | undefined {
    return this.#leader.name;
  }

  get all(): readonly Server[] {
    return [...this.#servers.values()];
  }

  get up(): readonly Server[] {
    return this.all.filter(({ isUp }) => isUp);
  }

  /** Since when a majority runs and can talk, by `performance.now()`; undefined: there is none. */
  get majoritySinceMs(): number | undefined {
    return this.#majoritySinceMs;
  }

  server(name: string): Server {
    const server = this.#servers.get(name);
    if (server === undefined) throw new RangeError(`there is no ${name}`);
    return server;
  }

  start(name: string): void {
    const { power, mistake, directory } = this.#options;
    const others = this.names.filter((other) => other !== name);
    const begin: Begin = {
      name,
      voters: this.names,
      peers: Object.fromEntries(others.map((to) => [to, this.#link(name, to).address])),
      directory: join(directory, name),
      power,
      mistake,
    };
    const server = new Server(begin, {
      listens: (address) => {
        for (const from of others) this.#link(from, name).leadTo(address);
        this.#changed();
      },
      leader: (leader, epoch) => this.#heard(leader, epoch),
      failed: (why) => {
        this.#options.complain(`${name} ended by itself: ${why}`);
        this.#changed();
      },
    });
    this.#servers.set(name, server);
  }

  kill(name: string): Promise<void> {
    const ended = this.server(name).end();
    this.#changed();
    return ended;
  }

  stop(name: string): void {
    this.server(name).stop();
    this.#changed();
  }

  goOn(name: string): void {
    this.server(name).goOn();
    this.#changed();
  }

  cut(ways: readonly Way[], how: Cut): void {
    for (const [from, to] of ways) this.#link(from, to).cut(how);
    this.#changed();
  }

  mend(ways: readonly Way[]): void {
    for (const [from, to] of ways) this.#link(from, to).mend();
    this.#changed();
  }

  /** All that stands still goes on, all links are whole, and what is down is started. */
  heal(): void {
    for (const link of this.#links.values()) link.mend();
    for (const name of this.names) {
      const server = this.#servers.get(name);
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

  #link(from: string, to: string): Link {
    const link = this.#links.get(`${from} ${to}`);
    if (link === undefined) throw new RangeError(`there is no link from ${from} to ${to}`);
    return link;
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

  /** Whether more than half of all run, and can talk to each other both ways. */
  #hasMajority(): boolean {
    const able = this.up.filter(({ isStopped }) => !isStopped).map(({ name }) => name);
    const talks = (a: string, b: string): boolean =>
      a === b || !(this.#link(a, b).isCut || this.#link(b, a).isCut);
    for (let set = 0; set < 2 ** able.length; set += 1) {
      const some = able.filter((_, i) => (set & (1 << i)) !== 0);
      if (some.length <= this.names.length / 2) continue;
      if (some.every((a) => some.every((b) => talks(a, b)))) return true;
    }
    return false;
  }

  readonly #killAll = (): void => {
    for (const server of this.all) server.kill();
  };
}
