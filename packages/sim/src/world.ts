import type { Env } from '@troupe/actor';
import type { Transport } from '@troupe/remote';
import { Agenda } from './agenda.ts';
import { type Files, SimDisk } from './disk.ts';
import { drained } from './drain.ts';
import { type DatagramSocket, type LinkQuality, type NetworkEvent, SimNetwork } from './network.ts';
import { type ClockFault, SimProcess, type StallShape } from './process.ts';
import { Random } from './random.ts';
import { Trace } from './trace.ts';

const PORT = 7_000;
const LIMIT_MS = 600_000;

/** What a process of a world is given: everything that would otherwise come from outside. */
export interface Place {
  readonly name: string;
  readonly env: Env;
  readonly transport: Transport;
  /** Where it is to listen. */
  readonly listen: string;
  /** Where the others do. */
  readonly join: readonly string[];
  readonly files: Files;
  datagrams(port: number, receive: (from: string, bytes: Uint8Array) => void): DatagramSocket;
}

export interface WorldOptions {
  /** Decides all that is left to chance. A whole number from 0 to 2 ** 53 - 1. */
  readonly seed: number;
  /** Names of the hosts. */
  readonly hosts: readonly string[];
  /** Of every link. Default: a local network. */
  readonly network?: Partial<LinkQuality>;
}

/** What somebody waits for does not happen: nothing is left to happen, or it takes too long. */
export class StillWaiting extends Error {
  override readonly name = 'StillWaiting';
  readonly code = 'ERR_STILL_WAITING';
  constructor(
    readonly nowMs: number,
    reason: 'nothing is left to happen' | 'that is the limit',
  ) {
    super(`at ${nowMs.toFixed(0)} ms ${reason}, and somebody still waits`);
  }
}

interface Host {
  readonly name: string;
  readonly disk: SimDisk;
  clock: ClockFault;
  process: SimProcess | undefined;
  starts: number;
}

/**
 * Hosts with their disks and clocks, the network between them, and one time for all. A world moves
 * only while `drive` is awaited, one thing after the other, and everything that follows from one
 * thing without time or input happens before the next.
 */
export class World {
  readonly seed: number;
  readonly trace: Trace = new Trace();
  readonly agenda: Agenda = new Agenda();
  readonly network: SimNetwork;
  readonly random: Random;
  readonly #hosts = new Map<string, Host>();
  readonly #checks: { readonly name: string; readonly holds: () => void }[] = [];

  constructor({ seed, hosts, network }: WorldOptions) {
    this.seed = seed;
    this.random = new Random(seed);
    this.network = new SimNetwork(this.agenda, this.random.fork('network'), (event) =>
      this.note(wordsFor(event)),
    );
    if (network !== undefined) this.network.setQuality(network);
    for (const name of hosts) {
      const disk = new SimDisk(this.agenda, this.random.fork(`disk of ${name}`));
      this.#hosts.set(name, { name, disk, clock: {}, process: undefined, starts: 0 });
    }
  }

  get nowMs(): number {
    return this.agenda.nowMs;
  }

  get hosts(): readonly string[] {
    return [...this.#hosts.keys()];
  }

  /** Hosts on which a process runs, stalled ones included. */
  get running(): readonly string[] {
    return this.hosts.filter((name) => this.#process(name) !== undefined);
  }

  disk(host: string): SimDisk {
    return this.#host(host).disk;
  }

  /** Of the next process that starts there. */
  setClock(host: string, clock: ClockFault): void {
    this.#host(host).clock = clock;
  }

  /** Starts a process on `host`, in place of one that has ended. */
  start<T>(host: string, boot: (place: Place) => T): T {
    const here = this.#host(host);
    if (this.#process(host) !== undefined) throw new Error(`${host} runs a process already`);
    here.starts += 1;
    const process = new SimProcess({
      name: host,
      agenda: this.agenda,
      random: this.random.fork(`process ${here.starts} of ${host}`),
      clock: here.clock,
      onLog: (level, _fields, message) => this.note(`${host} ${level}: ${message}`),
    });
    here.process = process;
    this.network.hostIsBack(host);
    this.note(`${host} starts`);
    return boot({
      name: host,
      env: process.env,
      transport: this.network.transport(process),
      listen: `${host}:${PORT}`,
      join: this.hosts.filter((name) => name !== host).map((name) => `${name}:${PORT}`),
      files: here.disk.files(process),
      datagrams: (port, receive) => this.network.datagrams(process, port, receive),
    });
  }

  /**
   * Ends the process as `kill -9` does: its host tells its peers. With `power`, the host itself
   * goes off: nobody is told, and the disk loses what was not synced.
   */
  crash(host: string, { power = false }: { readonly power?: boolean } = {}): void {
    const here = this.#host(host);
    const process = this.#process(host);
    if (process === undefined) return;
    this.note(`${host} ${power ? 'loses power' : 'is killed'}`);
    process.end();
    here.process = undefined;
    this.network.processEnded(process, power);
    if (power) here.disk.cutPower();
  }

  /** The process stands still for a while, and then is late for everything. */
  stall(host: string, forMs: number, shape: StallShape = 'timers-first'): void {
    const process = this.#process(host);
    if (process === undefined) return;
    this.note(`${host} stands still for ${forMs.toFixed(0)} ms`);
    process.stall();
    this.agenda.after(forMs, () => process.goOn(shape));
  }

  setWallClock(host: string, byMs: number): void {
    this.#process(host)?.setWallClock(byMs);
  }

  /** Hosts of different groups hear nothing of each other; those in none hear everybody. */
  partition(...groups: readonly (readonly string[])[]): void {
    this.note(`partition: ${groups.map((group) => group.join(' ')).join(' | ')}`);
    for (const [i, group] of groups.entries()) {
      for (const other of groups.filter((_, j) => j !== i).flat()) {
        for (const host of group) this.network.cut(host, other);
      }
    }
  }

  /** Mends the network and lets disks go on. Processes that ended stay so. */
  heal(): void {
    this.note('the network is whole');
    this.network.mend();
    for (const { disk } of this.#hosts.values()) disk.goOn();
  }

  /** `holds` is called after everything that happens; what it throws ends the run. */
  check(name: string, holds: () => void): void {
    this.#checks.push({ name, holds });
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.agenda.after(ms, resolve));
  }

  note(what: string): void {
    this.trace.add(this.agenda.nowMs, what);
  }

  /**
   * Lets the world go on until `task` is settled.
   * @param limitMs of the world's time
   * @throws {StillWaiting} when it is not, and whatever `task` or a check throws
   */
  async drive<T>(task: Promise<T>, limitMs: number = LIMIT_MS): Promise<T> {
    let settled = false;
    const end = (): void => void (settled = true);
    task.then(end, end);
    for (;;) {
      await drained();
      for (const { holds } of this.#checks) holds();
      if (settled) return task;
      const run = this.agenda.next(limitMs);
      if (run === undefined) {
        const isOver = this.agenda.size > 0;
        throw new StillWaiting(
          this.agenda.nowMs,
          isOver ? 'that is the limit' : 'nothing is left to happen',
        );
      }
      run();
    }
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host !== undefined) return host;
    throw new RangeError(`there is no host '${name}': ${this.hosts.join(', ')}`);
  }

  #process(host: string): SimProcess | undefined {
    const { process } = this.#host(host);
    return process?.hasEnded === false ? process : undefined;
  }
}

function wordsFor(event: NetworkEvent): string {
  const way = `${event.from} > ${event.to}`;
  return event.kind === 'dropped' ? `${way} ${event.why}` : `${way} ${event.kind} ${event.bytes} B`;
}
