import type { Env, Timer } from '@troupe/actor';
import { BadFrame } from './bad-frame.ts';
import {
  ANSWER,
  ASK,
  EXCHANGE_BYTES_MAX,
  ExchangeFrames,
  EXCHANGES_MAX,
} from './exchange-frames.ts';
import type { Proved } from './link.ts';
import type { Connection } from './transport.ts';

/** Silence after which whoever asks has gone; an honest one hangs up long before. */
const SILENCE_MS = 30_000;

export interface AnsweringOptions {
  readonly env: Env;
  /** Its payload is a peer's word. */
  readonly answer: (payload: unknown) => unknown;
  /** @param broken how the peer left the protocol, if it did */
  readonly ended: (line: AnsweringLine, broken: Error | undefined) => void;
}

/** The side of a connection for exchanges that was dialled: it is asked, and answers. */
export class AnsweringLine implements Proved {
  readonly readsInPlace = true;
  readonly #connection: Connection;
  readonly #options: AnsweringOptions;
  readonly #frames = new ExchangeFrames();
  #underWay = 0;
  #hasEnded = false;
  #silenceTimer: Timer | undefined;

  constructor(connection: Connection, options: AnsweringOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#heard();
  }

  receive(chunk: Uint8Array): void {
    if (this.#hasEnded) return;
    this.#heard();
    try {
      for (const [type, id, payload] of this.#frames.push(chunk)) {
        if (type !== ASK) throw new BadFrame('an answer from the side that asks');
        if (this.#underWay >= EXCHANGES_MAX) {
          throw new BadFrame(`more than ${EXCHANGES_MAX} exchanges at once`);
        }
        this.#underWay += 1;
        void this.#answer(id, payload);
      }
    } catch (error) {
      this.#break(error instanceof Error ? error : new BadFrame(String(error)));
    }
  }

  ended(): void {
    this.#end(undefined);
  }

  destroy(): void {
    this.#end(undefined);
    this.#connection.destroy();
  }

  async #answer(id: number, payload: unknown): Promise<void> {
    let bytes: Uint8Array;
    try {
      bytes = this.#frames.pack([ANSWER, id, await this.#options.answer(payload)]);
    } catch (error) {
      bytes = this.#frames.packFailure(id, error);
    }
    this.#underWay -= 1;
    if (this.#hasEnded) return;
    // One answer may always wait; more of them only as far as they are small.
    const waiting = this.#connection.bufferedBytes;
    if (waiting > 0 && waiting + bytes.length > EXCHANGE_BYTES_MAX) {
      this.#break(new BadFrame(`${EXCHANGE_BYTES_MAX} bytes of answers that nobody reads`));
    } else this.#connection.write(bytes);
  }

  #heard(): void {
    this.#silenceTimer?.cancel();
    this.#silenceTimer = this.#options.env.setTimer(SILENCE_MS, () => this.destroy());
  }

  #break(error: Error): void {
    this.#end(error);
    this.#connection.destroy();
  }

  #end(broken: Error | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#silenceTimer?.cancel();
    this.#options.ended(this, broken);
  }
}
