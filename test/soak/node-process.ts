// One node of the soak, in a process of its own: does what it is told over IPC.
import { type Node, startNode } from 'troupe';
import { Board } from '@troupe/example-chat/board';
import { Room } from '@troupe/example-chat/room';
import { Screens } from '@troupe/example-chat/screens';
import { SeatLost } from '@troupe/example-chat/seat-lost';
import type { Answers, Counts, Hushed, Order, Reply, Seating, Spoken } from './orders.ts';
import type { Heard } from './tally.ts';
import { Visitor } from './visitor.ts';

/** Everything that was made for nothing is gone after so many rounds. */
const COLLECTIONS = 3;

class Stage {
  readonly #node: Node;
  readonly #screens: Screens;
  readonly #visitors: Visitor[] = [];

  constructor(node: Node) {
    this.#node = node;
    this.#screens = new Screens(node);
  }

  async obey(order: Exclude<Order, { kind: 'start' }>): Promise<Answers[keyof Answers]> {
    switch (order.kind) {
      case 'gather':
        return this.#gather(order.members);
      case 'enter':
        return this.#enter(order.people);
      case 'talk':
        for (const visitor of this.#visitors) visitor.talk(order.everyMs);
        return undefined;
      case 'count':
        return this.#count();
      case 'heap':
        return heapBytes();
      case 'hush':
        return this.#hush();
      case 'tally':
        return this.#tally(order.spoken);
      case 'stop':
        await this.#node.stop();
        return undefined;
    }
  }

  async #gather(members: number): Promise<undefined> {
    const alive = (): number => this.#node.members().filter((m) => m.state === 'alive').length;
    const found = new AbortController();
    for await (const _ of this.#node.watchMembers(found.signal)) {
      if (alive() >= members) found.abort();
    }
    return undefined;
  }

  async #enter(people: readonly Seating[]): Promise<undefined> {
    for (const seating of people) {
      const visitor = new Visitor(this.#screens.open(), seating);
      this.#visitors.push(visitor);
      await visitor.enter();
    }
    return undefined;
  }

  #count(): Counts {
    const counts = { said: 0, heard: 0 };
    for (const { said, tally } of this.#visitors) {
      counts.said += said;
      counts.heard += tally.received;
    }
    return counts;
  }

  async #hush(): Promise<Hushed> {
    await Promise.all(this.#visitors.map((visitor) => visitor.hush()));
    const spoken: Record<string, Record<string, number>> = {};
    for (const { room, nick, said } of this.#visitors) (spoken[room] ??= {})[nick] = said;
    const failed = this.#visitors.reduce((sum, visitor) => sum + visitor.failed, 0);
    const why = this.#visitors.find((visitor) => visitor.why !== undefined)?.why;
    return { spoken, failed, why };
  }

  async #tally(spoken: Spoken): Promise<Heard> {
    const sums = this.#visitors.map(async (visitor) => {
      const lines = spoken[visitor.room] ?? {};
      await visitor.settle(lines);
      return visitor.tally.sum(lines);
    });
    const heard = { received: 0, lost: 0, disordered: 0 };
    for (const { received, lost, disordered } of await Promise.all(sums)) {
      heard.received += received;
      heard.lost += lost;
      heard.disordered += disordered;
    }
    return heard;
  }
}

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new TypeError('BUG: started without --expose-gc');
  for (let round = 0; round < COLLECTIONS; round += 1) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

let stage: Stage | undefined;

async function obey(order: Order): Promise<Answers[keyof Answers]> {
  if (order.kind !== 'start') {
    if (stage === undefined) throw new TypeError(`BUG: '${order.kind}' before 'start'`);
    return stage.obey(order);
  }
  const { name, join } = order;
  const options = { actors: [Room, Board], errors: [SeatLost] };
  const node = await startNode({ ...options, name, join, listen: '127.0.0.1:0' });
  stage = new Stage(node);
  return node.address;
}

async function answer(order: Order): Promise<void> {
  let reply: Reply;
  try {
    reply = { kind: 'done', result: await obey(order) };
  } catch (error) {
    reply = { kind: 'failed', why: error instanceof Error ? error.message : String(error) };
  }
  if (process.connected) process.send?.(reply);
}

process.on('message', (order: Order) => void answer(order));
// Ctrl-C reaches every process of the terminal; the first one tells the others when to end.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
