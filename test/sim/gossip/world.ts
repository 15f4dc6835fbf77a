import {
  decodePacket,
  encodePacket,
  type Gossip,
  type GossipEvent,
  type GossipOptions,
  type Input,
  type Output,
  type Packet,
  packetBytes,
  type Profile,
  type Settings,
} from '@troupe/gossip';
import { Agenda, type Appointment, Random } from '@troupe/sim';

/** What encryption adds to a packet: flags, key, nonce and tag. */
export const ENVELOPE_BYTES = 34;
/** Packets that wait for a process that does not read; a kernel keeps no more. */
const SOCKET_PACKETS_MAX = 1_024;
const RETRANSMIT_MS = 200;

export type GossipClass = new (options: GossipOptions) => Gossip;

export interface WorldOptions {
  readonly seed: number;
  readonly Gossip: GossipClass;
  readonly profile: Profile;
  readonly settings?: Partial<Settings>;
  /** Whether packets travel as bytes, as they do in earnest; slower. */
  readonly asBytes?: boolean;
}

export interface StartOptions {
  readonly seeds?: readonly string[];
  /** Under which `processes` has it. Default: its name, in place of one of that name before it. */
  readonly key?: string;
}

/** The network as it is between all hosts. */
export interface Quality {
  readonly loss: number;
  readonly duplication: number;
  readonly latencyMs: number;
  /** Mean of what comes on top. */
  readonly jitterMs: number;
}

/**
 * How a process is held up. `loops`: what it sends and hears waits, and so does each of its loops
 * at the first thing it sends, as in a Go program whose goroutines block before they send and after
 * they receive: the anomaly of Lifeguard's experiments. `io`: what it sends and hears waits, and
 * its timers go on regardless. `whole`: it stands still, as a Node.js process whose event loop is
 * held.
 */
export type Stall = 'loops' | 'io' | 'whole';

/** One process: a core, its socket, and what holds it up. */
export class Process {
  readonly name: string;
  readonly address: string;
  readonly gossip: Gossip;
  isRunning = true;
  stall: Stall | undefined = undefined;
  timer: Appointment | undefined;
  timerAtMs = Infinity;
  waiting: (() => void)[] = [];
  unsent: (() => void)[] = [];
  watches: ReadonlySet<string> = new Set();
  sent = 0;
  sentBytes = 0;

  constructor(name: string, address: string, gossip: Gossip) {
    this.name = name;
    this.address = address;
    this.gossip = gossip;
  }
}

export type Observer = {
  onEvent?(process: Process, event: GossipEvent): void;
  onStep?(process: Process, input: Input): void;
  onSend?(process: Process, output: Output & { kind: 'send' }): void;
};

/**
 * Many members over one simulated network, each step of each at its time. Leaner than whole nodes:
 * the core alone, so that a minute of a thousand members takes seconds.
 */
export class World {
  readonly agenda: Agenda = new Agenda();
  readonly random: Random;
  readonly processes = new Map<string, Process>();
  /** Whether hosts without a process, or switched off, are there to refuse. */
  readonly #hostsUp = new Set<string>();
  readonly #byAddress = new Map<string, Process>();
  readonly #options: WorldOptions;
  readonly #network: Random;
  readonly observers: Observer[] = [];
  quality: Quality = { loss: 0, duplication: 0, latencyMs: 0.1, jitterMs: 0.2 };
  /** Whether what is sent from one address to another does not arrive. */
  isCut: ((from: string, to: string, via: 'datagram' | 'stream') => boolean) | undefined;
  /** What is lost from one address to another, on top of the quality of all. */
  lossOf: ((from: string, to: string) => number) | undefined;
  /** Whether something on the way refuses streams, as a firewall may. */
  isRefused: ((from: string, to: string) => boolean) | undefined;
  /** Changes or drops bytes on their way. */
  tamper: ((bytes: Uint8Array) => Uint8Array | undefined) | undefined;
  events = 0;
  #generation = 1;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    this.#network = this.random.fork('network');
  }

  get nowMs(): number {
    return this.agenda.nowMs;
  }

  get running(): Process[] {
    return [...this.processes.values()].filter(({ isRunning }) => isRunning);
  }

  start(name: string, options: Partial<GossipOptions> & StartOptions = {}): Process {
    const { Gossip, profile, settings = {} } = this.#options;
    const { address = `${name}:1`, seeds = [], key = name } = options;
    const generation = (this.#generation += 1);
    const gossip = new Gossip({
      name,
      address,
      generation: 1_700_000_000_000_000 + generation * 10_000,
      meta: new Uint8Array(),
      profile,
      settings,
      random: this.random.fork(`${name} ${generation}`).next,
      nowMs: this.nowMs,
      ...options,
    });
    const process = new Process(name, address, gossip);
    this.processes.set(key, process);
    this.#byAddress.set(address, process);
    this.#hostsUp.add(address);
    this.input(process, { kind: 'join', seeds });
    return process;
  }

  process(name: string): Process {
    const process = this.processes.get(name);
    if (process === undefined) throw new Error(`there is no ${name}`);
    return process;
  }

  /** As kill -9 does; with `host`, as a power cut: nobody is told or refused. */
  kill(process: Process, { host = false }: { readonly host?: boolean } = {}): void {
    process.isRunning = false;
    process.timer?.cancel();
    if (this.#byAddress.get(process.address) === process) {
      this.#byAddress.delete(process.address);
      if (host) this.#hostsUp.delete(process.address);
    }
    if (host) return;
    const { name } = process;
    const { generation } = process.gossip.self;
    for (const watcher of this.processes.values()) {
      if (!watcher.isRunning || !watcher.watches.has(name)) continue;
      if (this.#isCutOff(process.address, watcher.address, 'stream')) continue;
      this.agenda.after(this.#latencyMs(), () => {
        this.input(watcher, { kind: 'evidence', name, generation, event: 'reset' });
      });
    }
  }

  hold(process: Process, stall: Stall): void {
    process.stall = stall;
  }

  /** Timers come first: as in Node.js, which reads its sockets only afterwards. */
  letGo(process: Process): void {
    const { waiting, unsent } = process;
    process.stall = undefined;
    process.waiting = [];
    process.unsent = [];
    for (const send of unsent) send();
    this.#tickIfDue(process);
    for (const arrive of waiting) arrive();
    this.#schedule(process);
  }

  input(process: Process, input: Input): void {
    if (!process.isRunning) return;
    if (process.stall !== undefined && input.kind !== 'tick') {
      if (process.waiting.length < SOCKET_PACKETS_MAX) {
        process.waiting.push(() => this.input(process, input));
      }
      return;
    }
    this.events += 1;
    const outputs = process.gossip.step(this.nowMs, input);
    for (const output of outputs) this.#carryOut(process, output);
    for (const observer of this.observers) observer.onStep?.(process, input);
    this.#schedule(process);
  }

  /** Lets time go on. */
  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    this.agenda.after(forMs, () => {});
    for (let run = this.agenda.next(untilMs); run !== undefined; run = this.agenda.next(untilMs)) {
      run();
    }
  }

  /** Lets time go on until `holds`, asked every `everyMs`. @returns whether it did in time */
  runUntil(
    holds: () => boolean,
    options: { readonly limitMs: number; readonly everyMs?: number },
  ): boolean {
    const { limitMs, everyMs = 50 } = options;
    const untilMs = this.nowMs + limitMs;
    while (this.nowMs < untilMs) {
      if (holds()) return true;
      this.run(Math.min(everyMs, untilMs - this.nowMs));
    }
    return holds();
  }

  #carryOut(process: Process, output: Output): void {
    switch (output.kind) {
      case 'event':
        for (const observer of this.observers) observer.onEvent?.(process, output.event);
        return;
      case 'watch':
        process.watches = new Set(output.members.map(({ name }) => name));
        return;
      case 'send': {
        const send = (): void => this.#send(process, output);
        if (process.stall === undefined) send();
        else if (process.unsent.length < SOCKET_PACKETS_MAX) process.unsent.push(send);
      }
    }
  }

  #send(process: Process, output: Output & { kind: 'send' }): void {
    const { to, via, packet } = output;
    process.sent += 1;
    process.sentBytes += packetBytes(packet) + ENVELOPE_BYTES;
    for (const observer of this.observers) observer.onSend?.(process, output);
    const from = process.address;
    if (this.#isCutOff(from, to, via)) return;
    if (via === 'stream') return this.#sendByStream(process, output);
    const { duplication } = this.quality;
    const loss = this.#loss(from, to);
    if (loss > 0 && this.#network.chance(loss)) return;
    const copies = duplication > 0 && this.#network.chance(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.agenda.after(this.#latencyMs(), () => this.#arrive(from, to, { via, packet }));
    }
  }

  /** Opened anew each time: a round trip more, and lost packets cost time and not the packet. */
  #sendByStream(process: Process, { to, via, packet }: Output & { kind: 'send' }): void {
    let delayMs = 3 * this.#latencyMs();
    const loss = this.#loss(process.address, to);
    while (this.#network.chance(loss)) delayMs += RETRANSMIT_MS;
    this.agenda.after(delayMs, () => {
      const { address: from } = process;
      const isRefused = this.isRefused?.(from, to) === true;
      if (!isRefused) {
        if (this.#byAddress.has(to)) return this.#arrive(from, to, { via, packet });
        if (!this.#hostsUp.has(to) || this.#isCutOff(to, from, via)) return;
      }
      const { message } = packet;
      const isPing = message.kind === 'ping';
      const name = isPing ? message.target : this.#nameAt(process, to);
      if (name === undefined) return;
      // Another process of that name may run elsewhere by now.
      const generation = isPing ? message.generation : 0;
      this.input(process, { kind: 'evidence', name, generation, event: 'refused' });
    });
  }

  #nameAt(process: Process, address: string): string | undefined {
    for (const member of process.gossip.members()) {
      if (member.address === address) return member.name;
    }
    return undefined;
  }

  #arrive(from: string, to: string, sent: { via: 'datagram' | 'stream'; packet: Packet }): void {
    const process = this.#byAddress.get(to);
    if (process === undefined) return;
    const packet = this.#travelled(sent.packet);
    if (packet !== undefined) this.input(process, { kind: 'packet', from, via: sent.via, packet });
  }

  #travelled(packet: Packet): Packet | undefined {
    if (this.#options.asBytes !== true && this.tamper === undefined) return packet;
    const bytes = encodePacket(packet);
    const arrived = this.tamper === undefined ? bytes : this.tamper(bytes);
    if (arrived === undefined) return undefined;
    try {
      return decodePacket(arrived);
    } catch (error) {
      if (error instanceof Error && error.name === 'BadPacket') return undefined;
      throw error;
    }
  }

  #isCutOff(from: string, to: string, via: 'datagram' | 'stream'): boolean {
    return this.isCut !== undefined && this.isCut(from, to, via);
  }

  #loss(from: string, to: string): number {
    return Math.max(this.quality.loss, this.lossOf?.(from, to) ?? 0);
  }

  #latencyMs(): number {
    const { latencyMs, jitterMs } = this.quality;
    return latencyMs + this.#network.exponential(jitterMs);
  }

  #schedule(process: Process): void {
    const dueAtMs = process.gossip.nextDeadlineMs;
    if (process.timerAtMs <= dueAtMs || dueAtMs === Infinity) return;
    process.timer?.cancel();
    process.timerAtMs = dueAtMs;
    process.timer = this.agenda.after(dueAtMs - this.nowMs, () => {
      process.timerAtMs = Infinity;
      if (process.isRunning) this.#tickIfDue(process);
    });
  }

  #tickIfDue(process: Process): void {
    const { stall, unsent } = process;
    if (stall === 'whole' || (stall === 'loops' && unsent.length > 0)) return;
    if (process.gossip.nextDeadlineMs <= this.nowMs) this.input(process, { kind: 'tick' });
    this.#schedule(process);
  }
}

/** Starts `count` members at once, each with the first as its seed. */
export function startMany(world: World, count: number): Process[] {
  return Array.from({ length: count }, (_, i) =>
    world.start(`n${i}`, { seeds: i === 0 ? [] : ['n0:1'] }),
  );
}
