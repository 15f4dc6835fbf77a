import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Hosts } from './hosts.ts';
import type { Begin, Block, Word } from './word.ts';

const program = fileURLToPath(new URL('./member-process.js', import.meta.url));
const SECRET = 'of a cluster that lives for a minute';
const SEEDS: readonly string[] = ['n0', 'n1'];
/** Processes that start at once; more only wait for the processor. */
const STARTING_MAX = 8;
const PORT = 7_000;

/** Which processes run their groups and their gossip on threads; `mixed`: every second. */
export const threadings = ['none', 'mixed', 'all'] as const;
export type Threading = (typeof threadings)[number];

export interface CrewOptions {
  /** Default: all on this machine's loopback. */
  readonly hosts?: Hosts;
  /** Default: none. */
  readonly thread?: Threading;
}

export type Learned = Extract<Word, { kind: 'learned' }>;

/** One node in a process of its own, and what it has said. */
export class Member {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #onWord: () => void;
  address: string | undefined;
  /** All it ever learned, in order. */
  readonly learned: Learned[] = [];
  /** The last it learned of each other one. */
  readonly view: Map<string, Learned> = new Map<string, Learned>();
  isRunning = true;
  /** Of the group of the voters, as it last heard. */
  lead: { readonly leader: string | undefined; readonly epoch: number } | undefined;
  isBlocked = false;

  constructor(name: string, child: ChildProcess, onWord: () => void) {
    this.name = name;
    this.#child = child;
    this.#onWord = onWord;
    child.on('message', (word: Word) => this.#hear(word));
    child.on('exit', () => {
      this.isRunning = false;
      onWord();
    });
  }

  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  /** Its main loop computes for so long. */
  block(forMs: number): void {
    this.isBlocked = true;
    this.#child.send({ forMs } satisfies Block);
  }

  async end(): Promise<void> {
    if (!this.isRunning) return;
    const exit = once(this.#child, 'exit');
    this.kill('SIGKILL'); // One that stands still ends too.
    await exit;
  }

  sees(name: string): boolean {
    const state = this.view.get(name)?.state;
    return state === 'alive' || state === 'suspect';
  }

  #hear(word: Word): void {
    switch (word.kind) {
      case 'listens':
        this.address = word.address;
        break;
      case 'learned':
        this.learned.push(word);
        this.view.set(word.name, word);
        break;
      case 'leader':
        this.lead = word;
        break;
      case 'unblocked':
        this.isBlocked = false;
        break;
    }
    this.#onWord();
  }
}

/** What was waited for did not come in time. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
}

/** The processes of one cluster, on this machine's loopback or each on a host of its own. */
export class Crew implements AsyncDisposable {
  readonly #hosts: Hosts | undefined;
  readonly #thread: Threading;
  #voters: readonly string[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #started: Member[] = [];
  /** By name; the last process of each. */
  readonly members: Map<string, Member> = new Map<string, Member>();

  constructor({ hosts, thread = 'none' }: CrewOptions = {}) {
    this.#hosts = hosts;
    this.#thread = thread;
  }

  /** Who leads the group of the voters, by what the one with the latest news says. */
  get lead(): { readonly leader: string | undefined; readonly epoch: number } | undefined {
    const leads = this.running.map(({ lead }) => lead).filter((lead) => lead !== undefined);
    return leads.toSorted((a, b) => b.epoch - a.epoch)[0];
  }

  hasThread(name: string): boolean {
    const isOdd = Number(name.slice(1)) % 2 === 1;
    return this.#thread === 'all' || (this.#thread === 'mixed' && isOdd);
  }

  get running(): readonly Member[] {
    return [...this.members.values()].filter(({ isRunning }) => isRunning);
  }

  member(name: string): Member {
    const member = this.members.get(name);
    if (member === undefined) throw new RangeError(`there is no ${name}`);
    return member;
  }

  /** Starts `count` processes, a few at a time, and waits until each sees all. */
  async gather(count: number, limitMs: number): Promise<void> {
    const names = Array.from({ length: count }, (_, i) => `n${i}`);
    // The seeds and the last: those in between are killed, and started again.
    this.#voters = [...new Set([...names.slice(0, SEEDS.length), ...names.slice(-1)])];
    for (const seed of names.slice(0, SEEDS.length)) await this.start(seed, limitMs);
    for (let i = SEEDS.length; i < count; i += STARTING_MAX) {
      const some = names.slice(i, i + STARTING_MAX);
      await Promise.all(some.map((name) => this.start(name, limitMs)));
    }
    await this.together(limitMs);
  }

  /** Starts a process, with the first two of a crew as its seeds. Resolves when it listens. */
  async start(name: string, limitMs: number): Promise<Member> {
    const member = this.#spawn(name);
    const why = (): string => (member.isRunning ? 'it runs' : 'it has ended');
    await this.until(() => member.address !== undefined, { what: `${name} listens`, limitMs, why });
    return member;
  }

  #spawn(name: string): Member {
    const seeds = SEEDS.filter((seed) => seed !== name).map((seed) => this.#addressOf(seed));
    const listen =
      this.#hosts === undefined ? '127.0.0.1:0' : `${this.#hosts.address(name)}:${PORT}`;
    const join = seeds.filter((address) => address !== undefined);
    const [thread, voters] = [this.hasThread(name), this.#voters];
    const begin: Begin = { name, listen, secret: SECRET, join, thread, voters };
    const command = [process.execPath, program, JSON.stringify(begin)];
    const [first = '', ...args] = this.#hosts?.on(name, command) ?? command;
    const child = spawn(first, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const member = new Member(name, child, () => this.#lookAgain());
    this.#started.push(member);
    this.members.set(name, member);
    return member;
  }

  #addressOf(name: string): string | undefined {
    if (this.#hosts !== undefined) return `${this.#hosts.address(name)}:${PORT}`;
    return this.members.get(name)?.address;
  }

  /** Waits until all that run see all that run, each as it runs now, and nobody else. */
  together(limitMs: number): Promise<number> {
    return this.until(() => this.#whyNotTogether() === undefined, {
      what: 'all see all',
      limitMs,
      why: () => this.#whyNotTogether(),
    });
  }

  #whyNotTogether(): string | undefined {
    const { running } = this;
    for (const member of running) {
      for (const { name } of running) {
        if (member.view.get(name)?.state !== 'alive') return `${member.name} does not see ${name}`;
        if (name !== member.name && !this.#isLast(member, name)) {
          return `${member.name} sees a ${name} of before`;
        }
      }
      for (const { name } of member.view.values()) {
        const isGone = this.members.get(name)?.isRunning !== true;
        if (isGone && member.sees(name)) return `${member.name} still sees ${name}`;
      }
    }
    return undefined;
  }

  /** Whether `member` sees the process of that name that runs now, by what that says of itself. */
  #isLast(member: Member, name: string): boolean {
    const own = this.members.get(name)?.view.get(name)?.incarnation;
    return own !== undefined && member.view.get(name)?.incarnation === own;
  }

  /** @returns how long it took. @throws {TooLate} after `limitMs` */
  until(
    holds: () => boolean,
    options: { readonly what: string; readonly limitMs: number; why?(): string | undefined },
  ): Promise<number> {
    const startedAtMs = performance.now();
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!holds()) return;
        done();
        resolve(performance.now() - startedAtMs);
      };
      const timer = setTimeout(() => {
        done();
        const why = options.why?.();
        const so = why === undefined ? '' : `: ${why}`;
        reject(new TooLate(`not within ${options.limitMs} ms that ${options.what}${so}`));
      }, options.limitMs);
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  #lookAgain(): void {
    for (const look of this.#waiting) look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((member) => member.end()));
  }
}
