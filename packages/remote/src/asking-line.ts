import {
  DeadlineExceeded,
  type Env,
  Overloaded,
  RemoteError,
  SessionLost,
  type Timer,
  Unreachable,
} from '@troupe/actor';
import { BadFrame } from './bad-frame.ts';
import {
  ASK,
  EXCHANGE_BYTES_MAX,
  type ExchangeFrame,
  ExchangeFrames,
  EXCHANGES_MAX,
  FAIL,
} from './exchange-frames.ts';
import type { Proved } from './link.ts';
import type { Connection } from './transport.ts';

/** How long a connection is kept that nobody asks anything over. */
const IDLE_MS = 5_000;

export interface AskingOptions {
  readonly env: Env;
  /** Where it leads, for errors. */
  readonly to: string;
  /** It takes no more questions. */
  readonly retired: (line: AskingLine) => void;
  readonly ended: (line: AskingLine) => void;
}

interface Question {
  readonly bytes: number;
  readonly timer: Timer;
  answer(payload: unknown): void;
  fail(error: Error): void;
}

/** The side of a connection for exchanges that has dialled: it asks, and is answered. */
export class AskingLine implements Proved {
  readonly readsInPlace = true;
  readonly #connection: Connection;
  readonly #options: AskingOptions;
  readonly #frames = new ExchangeFrames();
  readonly #asked = new Map<number, Question>();
  #askedBytes = 0;
  #lastId = 0;
  #isRetired = false;
  #hasEnded = false;
  #idleTimer: Timer | undefined;

  constructor(connection: Connection, options: AskingOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#rest();
  }

  /** Rejects with what says whether the question was, or may have been, answered elsewhere. */
  async ask(
    payload: unknown,
    { timeoutMs, startedAt }: { readonly timeoutMs: number; readonly startedAt: number },
  ): Promise<unknown> {
    const { env, to } = this.#options;
    if (this.#isRetired) throw new Unreachable(to, 'the connection that was made has ended');
    if (this.#asked.size >= EXCHANGES_MAX) {
      throw new Overloaded(to, 'exchanges under way', EXCHANGES_MAX);
    }
    const bytes = this.#frames.pack([ASK, this.#lastId + 1, payload]);
    if (this.#askedBytes + bytes.length > EXCHANGE_BYTES_MAX) {
      throw new Overloaded(to, 'bytes of exchanges under way', EXCHANGE_BYTES_MAX);
    }
    const id = (this.#lastId += 1);
    return new Promise((answer, fail) => {
      const leftMs = Math.max(0, startedAt + timeoutMs - env.now());
      const timer = env.setTimer(leftMs, () => {
        this.#take(id)?.fail(new DeadlineExceeded(to, timeoutMs, 'unknown'));
        // It may lead nowhere; and the peer counts the question for as long as it likes.
        this.#retire();
      });
      this.#idleTimer?.cancel();
      this.#asked.set(id, { bytes: bytes.length, timer, answer, fail });
      this.#askedBytes += bytes.length;
      this.#connection.write(bytes);
    });
  }

  receive(chunk: Uint8Array): void {
    try {
      for (const frame of this.#frames.push(chunk)) this.#onFrame(frame);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new BadFrame(String(error)));
    }
  }

  ended(reason: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isRetired = true;
    this.#options.retired(this);
    for (const id of this.#asked.keys()) {
      const { to } = this.#options;
      this.#take(id)?.fail(new SessionLost(to, reason.message, { cause: reason }));
    }
    this.#idleTimer?.cancel();
    this.#options.ended(this);
  }

  destroy(reason: Error): void {
    this.ended(reason);
    this.#connection.destroy();
  }

  #onFrame(frame: ExchangeFrame): void {
    const [type, id] = frame;
    if (type === ASK || id > this.#lastId) {
      throw new BadFrame(`an answer to question ${id}, of ${this.#lastId} that were asked`);
    }
    const question = this.#take(id); // Nobody waits for one that comes too late.
    if (type !== FAIL) question?.answer(frame[2]);
    else question?.fail(new RemoteError(frame[2], frame[3], undefined));
  }

  #take(id: number): Question | undefined {
    const question = this.#asked.get(id);
    if (question === undefined) return undefined;
    this.#asked.delete(id);
    this.#askedBytes -= question.bytes;
    question.timer.cancel();
    if (this.#asked.size === 0) this.#rest();
    return question;
  }

  #rest(): void {
    this.#idleTimer?.cancel();
    if (this.#hasEnded) return;
    if (this.#isRetired) this.destroy(new Error('nobody waits for an answer any more'));
    else this.#idleTimer = this.#options.env.setTimer(IDLE_MS, () => this.#retire());
  }

  /** Others that wait for answers still get them. */
  #retire(): void {
    if (!this.#isRetired) this.#options.retired(this);
    this.#isRetired = true;
    if (this.#asked.size === 0) this.#rest();
  }
}
