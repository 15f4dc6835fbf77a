import type { Env } from '@troupe/actor';
import { messageOf } from '@troupe/actor/internal';
import { type Connection, pause, type PeerIdentity } from '@troupe/remote';
import type { NodeId } from './consensus.ts';
import { type MakeLine, PREAMBLE } from './line.ts';

/** Kept while a connection is made; what goes beyond is lost. */
const WAITING_BYTES_MAX = 2 ** 20;
/** Sent for so long without a sign of life, a line is made anew: its packets may go nowhere. */
const SILENCE_MS = 3_000;

export interface OutgoingOptions {
  readonly env: Env;
  readonly to: NodeId;
  /** Makes a connection to it. */
  readonly dial: (make: MakeLine) => Promise<void>;
  /** Bytes that may wait to leave; what goes beyond is lost. */
  readonly unsentBytesMax: number;
  /** A connection that stood has ended, or could not take all that was sent. */
  readonly broke: () => void;
  /** So many frames will not leave. */
  readonly dropped: (frames: number) => void;
  /** All that was sent since then has been dropped. */
  readonly unsent: () => void;
}

/** A line that this side writes to. It is dialled when it is needed, and again when it breaks. */
export class OutgoingLine {
  readonly #options: OutgoingOptions;
  readonly #closing = new AbortController();
  #connection: Connection | undefined;
  /** Which life of the peer `#connection` leads to. */
  #incarnation = '';
  #isDialling = false;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** When the first frame left that nothing has come from the peer since. */
  #unansweredSince: number | undefined;

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  send(frame: Uint8Array): void {
    const connection = this.#connection;
    if (connection === undefined) return this.#keep(frame);
    const now = this.#options.env.now();
    this.#unansweredSince ??= now;
    if (now - this.#unansweredSince > SILENCE_MS) {
      connection.destroy();
      return this.#keep(frame);
    }
    if (connection.bufferedBytes <= this.#options.unsentBytesMax) connection.write(frame);
    else {
      this.#options.dropped(1);
      this.#options.broke();
    }
  }

  /**
   * The peer has just dialled, and proved to be `peer`. A line to an earlier life of it leads
   * nowhere, and signs of life of the later one must not keep it up.
   */
  met({ incarnation }: PeerIdentity): void {
    if (this.#incarnation !== incarnation) this.#connection?.destroy();
  }

  /** The peer has been heard, on whatever line. */
  heard(): void {
    this.#unansweredSince = undefined;
  }

  close(): void {
    this.#closing.abort();
    this.#connection?.close();
  }

  #keep(frame: Uint8Array): void {
    // All that waits goes, so that nobody has to be told which of it.
    if (this.#waitingBytes + frame.length > WAITING_BYTES_MAX) this.#drop();
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    if (!this.#isDialling) void this.#dial();
  }

  /** Tries until it stands, or nobody wants it any more. What waits is lost with each failure. */
  async #dial(): Promise<void> {
    this.#isDialling = true;
    const { env } = this.#options;
    for (let round = 0; !this.#closing.signal.aborted && this.#waiting.length > 0; round += 1) {
      try {
        await this.#connect(); // What waited has left then, and what comes now is another round's.
      } catch (error) {
        const reason = messageOf(error);
        env.log.debug({ to: this.#options.to, reason }, 'a line of consensus was not made');
        this.#drop();
        await pause(env, round, this.#closing.signal);
      }
    }
    this.#isDialling = false;
  }

  async #connect(): Promise<void> {
    const { to, dial, broke } = this.#options;
    await dial((connection, { name, incarnation }) => {
      if (name !== to) throw new Error(`${name} listens where ${to} should`);
      this.#incarnation = incarnation;
      this.#adopt(connection);
      return {
        receive: () => {}, // Nobody speaks here.
        ended: () => {
          if (this.#connection !== connection) return;
          this.#connection = undefined;
          broke();
        },
      };
    });
  }

  #adopt(connection: Connection): void {
    if (this.#closing.signal.aborted) return connection.close();
    this.#connection = connection;
    this.#unansweredSince = undefined;
    connection.write(PREAMBLE);
    for (const frame of this.#takeWaiting()) connection.write(frame);
  }

  #drop(): void {
    this.#options.dropped(this.#takeWaiting().length);
    this.#options.unsent();
  }

  #takeWaiting(): readonly Uint8Array[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return waiting;
  }
}
