import type { Message, MessageType, NodeId } from '@troupe/raft';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

const SENT_MAX = 300;
const LETTERS_MAX = 40;

/** What is done, once, when a message of some kind is sent. */
export interface Ambush {
  readonly type: MessageType;
  /** Default: any. */
  readonly when?: (message: Message) => boolean;
  readonly act: (message: Message) => void;
  /** The message itself comes so much later. */
  readonly delay: number;
}

const replies: ReadonlySet<MessageType> = new Set([
  'vote-reply',
  'append-reply',
  'append-rejected',
  'heartbeat-reply',
  'snapshot-status',
]);

/** Carries messages: late, twice, in another order, again much later, or not at all. */
export class Network {
  /** Links that carry nothing: `from>to`. */
  readonly cut = new Set<string>();
  messages = 0;
  readonly #world: World;
  /** The last that were sent, for a network that repeats itself. */
  readonly #sent: Message[] = [];
  /** The last answers to each node, for when it leads again. */
  readonly #letters = new Map<NodeId, Message[]>();
  readonly #ambushes: Ambush[] = [];
  readonly #slow = new Map<NodeId, { readonly until: number; readonly delay: number }>();

  constructor(world: World) {
    this.#world = world;
  }

  send(message: Message): void {
    this.messages += 1;
    this.#sent[this.messages % SENT_MAX] = message;
    if (replies.has(message.type)) this.#keep(message);
    const held = this.#fallInto(message);
    if (this.cut.has(`${message.from}>${message.to}`)) return;
    const { isCalm, swarm, random, timeline } = this.#world;
    if (!isCalm && random.chance(swarm.loss)) return;
    const copies = !isCalm && random.chance(swarm.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      // Now and then one is so late that everything has changed meanwhile.
      const isLate = !isCalm && random.chance(0.02);
      const delayMax = isCalm ? Math.min(10, swarm.delayMax) : swarm.delayMax;
      const delay = random.between(1, isLate ? 600 : delayMax);
      timeline.after(delay + held, () => this.#deliver(message));
    }
  }

  cutLink(a: NodeId, b: NodeId): void {
    this.cut.add(`${a}>${b}`);
    this.cut.add(`${b}>${a}`);
  }

  cutOff(id: NodeId): void {
    if (this.#world.isCalm) return; // A scheme of the storm comes to its end.
    for (const other of this.#world.nodes.keys()) this.cutLink(id, other);
  }

  mend(id: NodeId): void {
    for (const link of this.cut) if (link.split('>').includes(id)) this.cut.delete(link);
  }

  /** For a while what is sent to `id` takes up to `delay` longer. */
  slowDown(id: NodeId, { duration, delay }: { duration: number; delay: number }): void {
    this.#slow.set(id, { until: this.#world.timeline.now + duration, delay });
  }

  lieInWait(ambush: Ambush): void {
    this.#ambushes.push(ambush);
  }

  /** Delivers some of what was sent lately again, and again in another order. */
  replay(count: number): void {
    const { random } = this.#world;
    for (let number = 0; number < count; number += 1) {
      const message = random.anyOf(this.#sent);
      if (message !== undefined) this.#again(message);
    }
  }

  /** Delivers the answers that `id` got when it led before. */
  deliverLetters(id: NodeId): void {
    for (const message of this.#letters.get(id) ?? []) this.#again(message);
  }

  calmDown(): void {
    this.cut.clear();
    this.#slow.clear();
    this.#ambushes.length = 0;
  }

  #again(message: Message): void {
    const { timeline, random } = this.#world;
    timeline.after(random.between(1, 20), () => this.#deliver(message));
  }

  #keep(message: Message): void {
    const letters = this.#letters.get(message.to) ?? [];
    this.#letters.set(message.to, letters);
    letters.push(message);
    if (letters.length > LETTERS_MAX) letters.shift();
  }

  /** @returns by how much the message is held up */
  #fallInto(message: Message): number {
    const { timeline, random } = this.#world;
    const slow = this.#slow.get(message.to);
    const isSlow = slow !== undefined && slow.until > timeline.now;
    const held = isSlow ? random.between(slow.delay >> 1, slow.delay) : 0;
    const at = this.#ambushes.findIndex(
      ({ type, when }) => type === message.type && (when?.(message) ?? true),
    );
    const [ambush] = at === -1 ? [] : this.#ambushes.splice(at, 1);
    if (ambush === undefined) return held;
    // After the step that sends it, which must not find its own node gone.
    timeline.after(0, () => ambush.act(message));
    return held + ambush.delay;
  }

  #deliver(message: Message): void {
    const { nodes, timeline } = this.#world;
    const node: SimNode | undefined = nodes.get(message.to);
    if (node === undefined) return;
    const wait = node.pausedUntil - timeline.now;
    if (wait > 0) timeline.after(wait, () => this.#deliver(message));
    else node.receive(message);
  }
}
