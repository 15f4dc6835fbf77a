import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { processEnv, type Timer } from '@troupe/actor';
import { messageOf } from '@troupe/actor/internal';
import type { Input } from '@troupe/gossip';
import { type DatagramSocket, networkTransport } from '@troupe/remote';
import { type Delivery, GossipEngine, type Parcel } from './gossip-engine.ts';
import { GossipThreadBoard } from './gossip-thread-board.ts';
import type { GossipNews, GossipOrder, GossipThreadStart, KeyList } from './gossip-thread-start.ts';
import type { Keys } from './sealer.ts';
import { withStalled } from './metadata.ts';

/** Between two looks at the main loop. */
const LOOK_MS = 250;
/** A main loop that has not run for so long stands still, and others are told. */
const STALLED_AFTER_MS = 1_000;

/** The keys as they were told last. */
class ToldKeys implements Keys {
  #list: KeyList;

  constructor(list: KeyList) {
    this.#list = list;
  }

  get inUse(): KeyList['inUse'] {
    return this.#list.inUse;
  }

  find(id: number): KeyList['inUse'] | undefined {
    return this.#list.keys.find((key) => key.id === id);
  }

  replace(list: KeyList): void {
    this.#list = list;
  }
}

/**
 * The gossip of a node on a thread of its own: it answers while the main loop is busy, and tells
 * the others when that has stood still for a while.
 */
class GossipThread {
  readonly #parent: MessagePort;
  readonly #env = processEnv();
  readonly #engine: GossipEngine;
  readonly #keys: ToldKeys | undefined;
  readonly #board: GossipThreadBoard;
  readonly #deliveries = new Map<number, (delivery: Delivery) => void>();
  #lastDelivery = 0;
  #meta: Uint8Array;
  #lastPulse = 0n;
  #pulsedAtMs: number;
  #lookedAtMs = 0;
  #isStalled = false;
  #lookTimer: Timer | undefined;

  constructor(parent: MessagePort, { self, keys, board }: GossipThreadStart) {
    this.#parent = parent;
    this.#meta = self.meta;
    this.#board = new GossipThreadBoard(board);
    this.#pulsedAtMs = this.#env.now();
    this.#keys = keys === undefined ? undefined : new ToldKeys(keys);
    this.#engine = new GossipEngine({
      ...self,
      env: this.#env,
      keys: this.#keys,
      deliver: (to, parcel) => this.#deliver(to, parcel),
      onEvent: (event) => this.#tell({ kind: 'event', event }),
      onWatch: (addresses) => this.#tell({ kind: 'watch', addresses }),
      onForeign: (address, packets) => this.#tell({ kind: 'foreign', address, packets }),
      onWord: (generation, incarnation) => this.#board.says(generation, incarnation),
    });
  }

  async start(address: string): Promise<void> {
    let noSocket: string | undefined;
    try {
      const socket = this.#keys === undefined ? undefined : await this.#openSocket(address);
      if (socket !== undefined) this.#engine.open(socket);
    } catch (error) {
      noSocket = messageOf(error);
    }
    this.#parent.on('message', (order: GossipOrder) => this.#follow(order));
    this.#look();
    this.#tell({ kind: 'ready', noSocket });
  }

  async #openSocket(address: string): Promise<DatagramSocket | undefined> {
    return networkTransport().datagrams?.(address, (from, bytes) => {
      this.#engine.receive(from, bytes);
    });
  }

  #follow(order: GossipOrder): void {
    switch (order.kind) {
      case 'input':
        return this.#input(order.input);
      case 'accept': {
        const parcels = this.#engine.accept(order.from, order.parcel);
        return this.#tell({ kind: 'answer', id: order.id, parcels });
      }
      case 'delivered':
        this.#deliveries.get(order.id)?.(order.delivery);
        this.#deliveries.delete(order.id);
        return;
      case 'keys':
        return this.#keys?.replace(order.keys);
      case 'settle':
        return this.#whenDone(order.id, this.#engine.settled());
      case 'leave':
        return this.#whenDone(order.id, this.#engine.leave());
      case 'stop':
        this.#engine.stop();
        this.#lookTimer?.cancel();
        return this.#parent.close(); // And with it the thread.
    }
  }

  #input(input: Input): void {
    if (input.kind === 'meta') this.#meta = input.meta;
    this.#engine.input(input.kind === 'meta' ? { kind: 'meta', meta: this.#saidMeta() } : input);
  }

  #saidMeta(): Uint8Array {
    return withStalled(this.#meta, this.#isStalled);
  }

  #whenDone(id: number, task: Promise<void>): void {
    void task.then(() => this.#tell({ kind: 'done', id }));
  }

  #deliver(to: string, parcel: Parcel): Promise<Delivery> {
    const id = (this.#lastDelivery += 1);
    return new Promise((resolve) => {
      this.#deliveries.set(id, resolve);
      this.#tell({ kind: 'deliver', id, to, parcel });
    });
  }

  /** Whether the main loop has run since the last look. */
  #look(): void {
    const nowMs = this.#env.now();
    const { pulse } = this.#board;
    // When this thread was late itself, the whole process stood still, and that is over.
    const wasLate = nowMs - this.#lookedAtMs > 2 * LOOK_MS;
    if (wasLate || pulse !== this.#lastPulse) this.#pulsedAtMs = nowMs;
    this.#lastPulse = pulse;
    this.#lookedAtMs = nowMs;
    const isStalled = nowMs - this.#pulsedAtMs > STALLED_AFTER_MS;
    if (isStalled !== this.#isStalled) {
      this.#isStalled = isStalled;
      this.#engine.input({ kind: 'meta', meta: this.#saidMeta() });
    }
    this.#tell({ kind: 'counters', counters: this.#engine.counters });
    this.#lookTimer = this.#env.setTimer(LOOK_MS, () => this.#look());
  }

  #tell(news: GossipNews): void {
    this.#parent.postMessage(news);
  }
}

if (parentPort !== null) {
  const start = workerData as GossipThreadStart;
  void new GossipThread(parentPort, start).start(start.bind);
}
