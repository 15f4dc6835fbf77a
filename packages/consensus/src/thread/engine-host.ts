import type { Env, Timer } from '@troupe/actor';
import type { Driver } from '../driver.ts';
import { FarMachine } from './far-machine.ts';
import { HostedGroup } from './hosted-group.ts';
import type { GroupNumber, GroupOrder, News, Order } from './orders.ts';
import { tellError } from './told-error.ts';
import { Mail, type Way } from './way.ts';
import { Window, WINDOW_BYTES } from './window.ts';

/** How old what the main loop knows of a group may be, where no event tells of it. */
const STATUS_MS = 100;
/** How often the main loop is asked whether it runs. */
const BEAT_MS = 500;

export interface EngineHostOptions {
  readonly env: Env;
  readonly driver: Driver;
  readonly way: Way<News, Order>;
  /** Milliseconds for which the main loop may stand still before others are to lead. */
  readonly handOverAfterMs: number;
  /** Ends what was made for the driver, and is not its own. Default: nothing. */
  readonly close?: () => Promise<void>;
}

/** Runs a driver for a main loop that is elsewhere: follows its orders, and tells what happens. */
export class EngineHost {
  readonly #options: EngineHostOptions;
  readonly #env: Env;
  readonly #driver: Driver;
  readonly #mail: Mail<News>;
  readonly #window = new Window(WINDOW_BYTES);
  readonly #machines = new Map<GroupNumber, FarMachine>();
  readonly #groups = new Map<GroupNumber, HostedGroup>();
  /** Groups of which something may have changed that no event tells of. */
  readonly #touched = new Set<GroupNumber>();
  #statusTimer: Timer | undefined;
  #beatTimer: Timer | undefined;
  #beatenAtMs: number;
  #askedAtMs: number;
  #isHandingOver = false;

  constructor(options: EngineHostOptions) {
    const { env, driver, way } = options;
    this.#options = options;
    this.#env = env;
    this.#driver = driver;
    this.#beatenAtMs = this.#askedAtMs = env.now();
    this.#mail = new Mail(way, (flush) => afterTurn(env, flush));
  }

  /** From now on orders are followed. */
  start(): void {
    this.#options.way.receive((orders) => {
      for (const order of orders) this.#follow(order);
    });
    this.#askForBeat();
  }

  #follow(order: Order): void {
    switch (order.kind) {
      case 'open':
        return void this.#open(order);
      case 'taken':
        return this.#window.giveBack(order.bytes);
      case 'beat':
        this.#beatenAtMs = this.#env.now();
        return;
      case 'unreachable':
        return this.#driver.unreachable(order.node);
      case 'hand-over':
        return void this.#handOver(order);
      case 'stop':
        return void this.#stop();
      case 'snapshot-piece':
        return this.#machines.get(order.at)?.piece(order.id, order.piece);
      case 'snapshot-done':
        return this.#machines.get(order.at)?.snapshotDone(order.id, order.error);
      case 'restored':
        return this.#machines.get(order.at)?.restored(order.id, order.error);
      default:
        this.#touch(order.at);
        return this.#ask(order);
    }
  }

  #ask(order: GroupOrder): void {
    const group = this.#groups.get(order.at);
    if (group === undefined) return; // It has ended, and the main loop is about to hear so.
    switch (order.kind) {
      case 'propose':
        return group.propose(order);
      case 'read':
        return group.read(order);
      case 'ask':
        return group.ask(order);
      case 'cancel':
      case 'cancel-read':
      case 'cancel-proposal':
        return group.cancel(order.kind, order.id);
      case 'configure':
        return group.configure(order.settings);
      case 'stop-group':
        return group.stop();
    }
  }

  async #open({ at, options, machine: far }: Order & { readonly kind: 'open' }): Promise<void> {
    const say = (news: News, owned?: Uint8Array | Float64Array): void => {
      this.#touch(at);
      this.#mail.say(news, owned);
    };
    const machine = new FarMachine({ ...far, at, say, window: this.#window });
    this.#machines.set(at, machine);
    try {
      const group = await this.#driver.open({ ...options, machine });
      const { capabilities } = group;
      say({ kind: 'opened', at, capabilities, status: group.status() });
      const ended = (): void => this.#env.afterIo(() => this.#ended(at));
      this.#groups.set(at, new HostedGroup({ at, group, say, ended }));
    } catch (error) {
      this.#machines.delete(at);
      say({ kind: 'not-opened', at, error: tellError(error) });
    }
  }

  /** Who still waited has been told by now. */
  #ended(at: GroupNumber): void {
    this.#machines.get(at)?.close();
    this.#machines.delete(at);
    this.#groups.delete(at);
    this.#mail.say({ kind: 'ended', at });
  }

  async #handOver({ id, timeoutMs }: Order & { readonly kind: 'hand-over' }): Promise<void> {
    await this.#driver.handOver(timeoutMs === undefined ? {} : { timeoutMs });
    this.#mail.say({ kind: 'handed-over', id });
  }

  async #stop(): Promise<void> {
    this.#beatTimer?.cancel();
    let error: unknown;
    try {
      await this.#driver.stop();
      await this.#options.close?.();
    } catch (thrown) {
      error = thrown;
    }
    // Their ends are told first.
    this.#env.afterIo(() => this.#env.afterIo(() => this.#stopped(error)));
  }

  #stopped(error: unknown): void {
    this.#statusTimer?.cancel();
    this.#mail.say({ kind: 'stopped', error: error === undefined ? undefined : tellError(error) });
  }

  #touch(at: GroupNumber): void {
    this.#touched.add(at);
    this.#statusTimer ??= this.#env.setTimer(STATUS_MS, () => {
      this.#statusTimer = undefined;
      const touched = [...this.#touched];
      for (const each of touched) this.#groups.get(each)?.tellStatus();
      this.#touched.clear(); // What was just told touches nothing.
    });
  }

  /** A main loop that stands still applies nothing, so that what it leads answers nobody here. */
  #askForBeat(): void {
    const now = this.#env.now();
    // When this thread was late itself the whole process stood still, and that is over.
    if (now - this.#askedAtMs > 2 * BEAT_MS) this.#beatenAtMs = now;
    this.#askedAtMs = now;
    if (now - this.#beatenAtMs >= this.#options.handOverAfterMs) void this.#letOthersLead();
    this.#mail.say({ kind: 'beat', status: this.#driver.status() });
    this.#beatTimer = this.#env.setTimer(BEAT_MS, () => this.#askForBeat());
  }

  async #letOthersLead(): Promise<void> {
    if (this.#isHandingOver) return;
    this.#isHandingOver = true;
    await this.#driver.handOver({ timeoutMs: BEAT_MS });
    this.#isHandingOver = false;
  }
}

/** When all has been said that what happens now leads to. */
function afterTurn(env: Env, flush: () => void): void {
  void Promise.resolve().then(() => {
    if (env.afterPromises === undefined) flush();
    else env.afterPromises(flush);
  });
}
