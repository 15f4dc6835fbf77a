import type { Timer } from '@troupe/actor';
import { BadFrame, type Connection, type PeerIdentity } from '@troupe/remote';
import type { Handshake } from '@troupe/remote/handshake';
import type { NodeId } from './consensus.ts';
import { FrameCutter } from './frame-reader.ts';
import { HANDSHAKE_TIMEOUT_MS, handshakeOf, type LineTerms, PREAMBLE } from './line.ts';

/** What becomes of a line that another node has dialled. */
export interface IncomingHandler {
  /** @throws whatever shows that it is none: the line ends */
  frame(from: NodeId, frame: Uint8Array): void;
  /** It has proved who it is; nothing of it came before. */
  proved(peer: PeerIdentity): void;
  /** It is no stranger any more, or has gone. */
  settled(): void;
  /** @param from undefined when it never said who it is */
  ended(from: NodeId | undefined, error: Error | undefined): void;
}

/** A line that another node writes to: proof first, then frames. Nothing is ever sent back. */
export class IncomingLine {
  readonly #connection: Connection;
  readonly #handler: IncomingHandler;
  readonly #cutter = new FrameCutter();
  readonly #timer: Timer;
  #handshake: Handshake | undefined;
  #from: NodeId | undefined;
  /** What has come of the preamble. */
  #preamble: Uint8Array = new Uint8Array();
  #reason: Error | undefined;

  constructor(connection: Connection, terms: LineTerms, handler: IncomingHandler) {
    this.#connection = connection;
    this.#handler = handler;
    this.#handshake = handshakeOf('acceptor', connection, terms);
    this.#timer = terms.env.setTimer(HANDSHAKE_TIMEOUT_MS, () => {
      this.#refuse(this.#handshake?.refuse('busy') ?? new BadFrame('no proof came in time'));
    });
    connection.start({
      data: (chunk) => this.#data(chunk),
      closed: (error) => {
        this.#settle();
        handler.ended(this.#from, this.#reason ?? error);
      },
    });
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #data(chunk: Uint8Array): void {
    if (this.#reason !== undefined) return;
    try {
      const frames = this.#handshake === undefined ? chunk : this.#prove(this.#handshake, chunk);
      if (this.#from === undefined || frames.length === 0) return;
      for (const frame of this.#cutter.push(this.#afterPreamble(frames))) {
        this.#handler.frame(this.#from, frame);
      }
    } catch (error) {
      this.#refuse(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** @returns what came behind the proof */
  #prove(handshake: Handshake, chunk: Uint8Array): Uint8Array {
    const done = handshake.push(chunk);
    if (done === undefined) return new Uint8Array();
    this.#from = done.agreement.peer.name;
    this.#settle();
    this.#handler.proved(done.agreement.peer);
    return done.rest;
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

  #settle(): void {
    if (this.#handshake === undefined) return;
    this.#handshake = undefined;
    this.#timer.cancel();
    this.#handler.settled();
  }

  /** Not at once: the other side is to read why. */
  #refuse(error: Error): void {
    this.#reason ??= error;
    this.#connection.close();
  }
}
