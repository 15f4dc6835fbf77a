import type { Env } from '@troupe/actor';
import type { Connection, PeerIdentity, Proved } from '@troupe/remote';
import type { NodeId } from './consensus.ts';
import { IncomingLine } from './incoming-line.ts';
import type { Door } from './line.ts';
import { OutgoingLine } from './outgoing-line.ts';
import { SparingLog } from './sparing-log.ts';
import type { Lane, Wire, WireHandler } from './wire.ts';

const UNSENT_BYTES_MAX: Record<Lane, number> = { control: 2 ** 20, bulk: 16 * 2 ** 20 };

/**
 * Two lines to each peer, one a lane, dialled by the side that writes to it. So heartbeats never
 * stand behind entries, and no two nodes have to agree on which of two connections is kept.
 */
export class LineWire implements Wire {
  readonly #door: Door;
  readonly #env: Env;
  readonly #outgoing: Record<Lane, Map<NodeId, OutgoingLine>> = {
    control: new Map(),
    bulk: new Map(),
  };
  readonly #incoming = new Set<IncomingLine>();
  readonly #log: SparingLog;
  #handler: WireHandler | undefined;
  #dropped = 0;
  #isClosed = false;

  constructor(door: Door, env: Env) {
    this.#door = door;
    this.#env = env;
    this.#log = new SparingLog(env);
  }

  /** Where it listens, the port filled in; empty where the node listens for it. */
  get address(): string {
    return this.#door.address;
  }

  get dropped(): number {
    return this.#dropped;
  }

  async open(node: NodeId, handler: WireHandler): Promise<void> {
    await this.#door.open(node, (connection, peer) => this.#accept(connection, peer));
    this.#handler = handler;
  }

  send(to: NodeId, lane: Lane, frame: Uint8Array): void {
    if (this.#handler === undefined) return;
    const lines = this.#outgoing[lane];
    let line = lines.get(to);
    if (line === undefined) lines.set(to, (line = this.#lineTo(to, lane)));
    line.send(frame);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#handler = undefined;
    for (const lines of Object.values(this.#outgoing)) {
      for (const line of lines.values()) line.close();
    }
    for (const line of this.#incoming) line.destroy();
    await this.#door.close();
  }

  #lineTo(to: NodeId, lane: Lane): OutgoingLine {
    return new OutgoingLine({
      env: this.#env,
      to,
      dial: (make) => this.#door.dial(to, make),
      unsentBytesMax: UNSENT_BYTES_MAX[lane],
      broke: () => this.#handler?.broke(to),
      dropped: (frames) => void (this.#dropped += frames),
      unsent: () => this.#handler?.unsent(to, lane),
    });
  }

  #accept(connection: Connection, peer: PeerIdentity): Proved {
    const { name: from } = peer;
    const line: IncomingLine = new IncomingLine(connection, {
      frame: (frame) => {
        this.#outgoing.control.get(from)?.heard();
        this.#outgoing.bulk.get(from)?.heard();
        this.#handler?.received(from, frame);
      },
      ended: (broken) => {
        this.#incoming.delete(line);
        if (this.#handler === undefined) return;
        if (broken !== undefined) this.#complain(from, broken);
        this.#handler.broke(from);
      },
    });
    this.#incoming.add(line);
    if (this.#isClosed) line.destroy(); // It proved itself too late, and the door waits for it.
    for (const lines of Object.values(this.#outgoing)) lines.get(from)?.met(peer);
    return line;
  }

  #complain(from: NodeId, { message: reason }: Error): void {
    this.#log.warn({ from, reason }, 'a peer broke the rules of a line of consensus');
  }
}
