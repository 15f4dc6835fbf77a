import type { NodeId } from './consensus.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Packet } from './packet.ts';
import type { Lane, Wire } from './wire.ts';

/** A frame that has become so long leaves before its turn is over. */
const FRAME_BYTES = 2 ** 20;

const bulk: ReadonlySet<Packet['type']> = new Set(['append', 'snapshot-chunk', 'forward']);

/** What all groups have to say to other nodes in one turn: a frame for each node and lane. */
export class Outbox {
  readonly #wire: Wire;
  readonly #writers: Record<Lane, Map<NodeId, FrameWriter>> = {
    control: new Map(),
    bulk: new Map(),
  };

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  add(group: string, packet: Packet): void {
    const lane = bulk.has(packet.type) ? 'bulk' : 'control';
    const writers = this.#writers[lane];
    let writer = writers.get(packet.to);
    if (writer === undefined) writers.set(packet.to, (writer = new FrameWriter()));
    writer.add(group, packet);
    if (writer.length > FRAME_BYTES) this.#wire.send(packet.to, lane, writer.finish());
  }

  /** What must not wait leaves first. */
  flush(): void {
    for (const lane of ['control', 'bulk'] as const) {
      for (const [to, writer] of this.#writers[lane]) {
        if (!writer.isEmpty) this.#wire.send(to, lane, writer.finish());
      }
    }
  }
}
