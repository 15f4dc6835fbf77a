import {
  type Alive,
  type Failed,
  Gossip,
  type GossipEvent,
  type GossipOptions,
  type Input,
  type Left,
  type Output,
  type Suspect,
} from '@troupe/gossip';

/** One member whose time is moved by hand and whose packets go nowhere. */
export class Bench {
  readonly gossip: Gossip;
  nowMs = 0;
  sent: (Output & { kind: 'send' })[] = [];
  events: GossipEvent[] = [];
  watched: readonly string[] = [];
  /** Whether all others answer pings that come by datagram, at once. */
  isAnswered = false;

  constructor(options: Partial<GossipOptions> = {}) {
    let state = 7;
    this.gossip = new Gossip({
      name: 'a',
      address: 'a:1',
      generation: 100,
      meta: new Uint8Array(),
      random: () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647,
      nowMs: 0,
      ...options,
    });
  }

  give(input: Input): void {
    for (const output of this.gossip.step(this.nowMs, input)) {
      if (output.kind === 'send') this.#send(output);
      else if (output.kind === 'event') this.events.push(output.event);
      else this.watched = output.members.map(({ name }) => name);
    }
  }

  #send(output: Output & { kind: 'send' }): void {
    this.sent.push(output);
    const { message } = output.packet;
    if (!this.isAnswered || message.kind !== 'ping' || output.via !== 'datagram') return;
    this.hear(message.target, { kind: 'ack', sequence: message.sequence });
  }

  /** Ticks whenever one is due. */
  advance(byMs: number): void {
    const untilMs = this.nowMs + byMs;
    while (this.gossip.nextDeadlineMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.gossip.nextDeadlineMs);
      this.give({ kind: 'tick' });
    }
    this.nowMs = untilMs;
  }

  /** A packet of `from`, who listens at `from:1` and is of generation 100. */
  hear(from: string, ...[message, ...updates]: [Message, ...Update[]]): void {
    const packet = { cluster: 0, from, generation: 100, message, updates };
    this.give({ kind: 'packet', via: 'datagram', from: `${from}:1`, packet });
  }

  /** What was sent since the last time, as the kinds of messages by receiver. */
  taken(): readonly (Output & { kind: 'send' })[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }

  kinds(): readonly string[] {
    return this.events.map(
      (event) => `${event.kind} ${'member' in event ? event.member.name : ''}`,
    );
  }
}

type Packet = Extract<Input, { kind: 'packet' }>['packet'];
export type Message = Packet['message'];
export type Update = Packet['updates'][number];

export const gossip: Message = { kind: 'gossip' };

export function alive(name: string, incarnation = 0, generation = 100): Alive {
  return {
    kind: 'alive',
    name,
    generation,
    incarnation,
    address: `${name}:1`,
    meta: new Uint8Array(),
    versionMin: 1,
    versionMax: 1,
  };
}

export function suspect(name: string, by: string, incarnation = 0): Suspect {
  return { kind: 'suspect', name, generation: 100, incarnation, by, health: 0 };
}

export function failed(name: string, by: string, incarnation = 0): Failed {
  return { kind: 'failed', name, generation: 100, incarnation, by, proof: false };
}

export function left(name: string, incarnation = 0): Left {
  return { kind: 'left', name, generation: 100, incarnation };
}
