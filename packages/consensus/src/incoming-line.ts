import { errorOf } from '@troupe/actor/internal';
import { BadFrame, type Connection, type Proved } from '@troupe/remote';
import { FrameCutter } from './frame-reader.ts';
import { PREAMBLE } from './line.ts';

/** What becomes of a line that another node has dialled. */
export interface IncomingHandler {
  /** @throws whatever shows that it is none: the line ends */
  frame(frame: Uint8Array): void;
  /** @param broken how the peer left the protocol, if it did */
  ended(broken: Error | undefined): void;
}

/** A line that another node writes to: frames, and nothing is ever sent back. */
export class IncomingLine implements Proved {
  readonly #connection: Connection;
  readonly #handler: IncomingHandler;
  readonly #cutter = new FrameCutter();
  /** What has come of the preamble. */
  #preamble: Uint8Array = new Uint8Array();
  #broken: Error | undefined;

  constructor(connection: Connection, handler: IncomingHandler) {
    this.#connection = connection;
    this.#handler = handler;
  }

  receive(chunk: Uint8Array): void {
    if (this.#broken !== undefined) return;
    try {
      for (const frame of this.#cutter.push(this.#afterPreamble(chunk))) {
        this.#handler.frame(frame);
      }
    } catch (error) {
      this.#broken = errorOf(error);
      this.#connection.destroy();
    }
  }

  ended(): void {
    this.#handler.ended(this.#broken);
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #afterPreamble(chunk: Uint8Array): Uint8Array {
    if (this.#preamble.length === PREAMBLE.length) return chunk;
    const missing = PREAMBLE.length - this.#preamble.length;
    this.#preamble = Buffer.concat([this.#preamble, chunk.subarray(0, missing)]);
    if (!PREAMBLE.subarray(0, this.#preamble.length).equals(this.#preamble)) {
      throw new BadFrame('what connects here is no line of consensus');
    }
    return chunk.subarray(missing);
  }
}
