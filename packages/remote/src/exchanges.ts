import {
  type ActorSystem,
  type CallerIdentity,
  DeadlineExceeded,
  Overloaded,
  Unreachable,
} from '@troupe/actor';
import { messageOf } from '@troupe/actor/internal';
import { AnsweringLine } from './answering-line.ts';
import { AskingLine } from './asking-line.ts';
import { EXCHANGES_MAX } from './exchange-frames.ts';
import { type Admission, newSessionId, type PeerIdentity } from './handshake.ts';
import type { Proved } from './link.ts';
import type { Connection } from './transport.ts';

/** Connections for exchanges: to other nodes, and from them, of one name and of all. */
const LINES_MAX = 1_024;
const LINES_OF_ONE_MAX = 8;

export interface ExchangesOptions {
  readonly system: ActorSystem;
  /** Makes a connection for exchanges. */
  readonly dial: <T extends Proved>(
    address: string,
    make: (connection: Connection) => T,
  ) => Promise<T>;
}

/** The way to one address: a connection, or one in the making and those who wait for it. */
interface Way {
  line: AskingLine | undefined;
  dialling: Promise<AskingLine> | undefined;
  waiting: number;
}

/**
 * Questions and answers between nodes that wait for nothing else: they have connections of their
 * own, which are made when they are needed and given up soon after.
 */
export class Exchanges {
  readonly #options: ExchangesOptions;
  readonly #ways = new Map<string, Way>();
  readonly #asking = new Set<AskingLine>();
  /** Those that others have made, and whose they are. */
  readonly #answering = new Map<AnsweringLine, string>();
  #answer: (payload: unknown) => unknown = () => {
    throw new Error('nobody answers exchanges here yet');
  };
  #isClosed = false;

  constructor(options: ExchangesOptions) {
    this.#options = options;
  }

  /** Answers those of other nodes. The payload is a peer's word: trust nothing of it. */
  onAsk(answer: (payload: unknown) => unknown): void {
    this.#answer = answer;
  }

  /**
   * Asks whoever listens at `address`, in `timeoutMs` milliseconds, the connection included.
   * @param payload plain data of at most 4 MiB, as the answer is
   * @throws {Unreachable} no connection could be made; the `cause` says why
   * @throws {DeadlineExceeded | SessionLost} nobody knows whether it was answered, unless
   *   `executed` says `no`
   * @throws {RemoteError} what was thrown there
   * @throws {Overloaded | NotSerializable} it has not left
   */
  async ask(address: string, payload: unknown, timeoutMs: number): Promise<unknown> {
    const startedAt = this.#options.system.env.now();
    const line = await this.#lineTo(address, timeoutMs);
    return line.ask(payload, { timeoutMs, startedAt });
  }

  /** Whether another connection of that peer may be for exchanges. */
  admit({ name }: PeerIdentity, caller: CallerIdentity | undefined): Admission {
    // What nodes ask of each other is none of an outsider's business.
    if (caller !== undefined && caller.kind !== 'node') return { refuse: 'secret' };
    if (this.#isClosed) return { refuse: 'stopping' };
    const ofOne = [...this.#answering.values()].filter((each) => each === name).length;
    const isFull = this.#answering.size >= LINES_MAX || ofOne >= LINES_OF_ONE_MAX;
    return isFull ? { refuse: 'busy' } : { session: newSessionId(), received: 0 };
  }

  /** A connection that another node has made, and proved. */
  serve(connection: Connection, { name }: PeerIdentity): AnsweringLine {
    const { env, log } = this.#options.system;
    const line = new AnsweringLine(connection, {
      env,
      answer: (payload) => this.#answer(payload),
      ended: (ended, broken) => {
        this.#answering.delete(ended);
        if (broken === undefined) return;
        log.warn({ peer: name, reason: broken.message }, 'a peer broke the rules of exchanges');
      },
    });
    this.#answering.set(line, name);
    if (this.#isClosed) line.destroy();
    return line;
  }

  /** Ends all of them at once: nobody knows whether what is under way was answered. */
  close(): void {
    this.#isClosed = true;
    for (const line of this.#asking) line.destroy(new Error(STOPPING));
    for (const line of this.#answering.keys()) line.destroy();
  }

  async #lineTo(address: string, timeoutMs: number): Promise<AskingLine> {
    if (this.#isClosed) throw new Unreachable(address, STOPPING);
    const way = this.#wayTo(address);
    if (way.line !== undefined) return way.line;
    if (way.waiting >= EXCHANGES_MAX) {
      throw new Overloaded(address, 'exchanges under way', EXCHANGES_MAX);
    }
    // Whoever else wants the same at this moment shares the one connection.
    way.dialling ??= this.#dial(address, way);
    way.waiting += 1;
    try {
      return await this.#inTime(way.dialling, address, timeoutMs);
    } finally {
      way.waiting -= 1;
    }
  }

  #wayTo(address: string): Way {
    let way = this.#ways.get(address);
    if (way !== undefined) return way;
    if (this.#ways.size >= LINES_MAX) {
      throw new Overloaded(address, 'connections for exchanges', LINES_MAX);
    }
    this.#ways.set(address, (way = { line: undefined, dialling: undefined, waiting: 0 }));
    return way;
  }

  async #dial(address: string, way: Way): Promise<AskingLine> {
    const { system, dial } = this.#options;
    const leave = (): void => void (this.#ways.get(address) === way && this.#ways.delete(address));
    try {
      const line = await dial(address, (connection) => {
        const made = new AskingLine(connection, {
          env: system.env,
          to: address,
          retired: leave,
          ended: (ended) => this.#asking.delete(ended),
        });
        this.#asking.add(made);
        return made;
      });
      if (this.#isClosed) line.destroy(new Error(STOPPING));
      else way.line = line;
      return line;
    } catch (cause) {
      leave();
      const reason = messageOf(cause);
      throw new Unreachable(address, reason, { cause });
    }
  }

  #inTime(dialling: Promise<AskingLine>, address: string, timeoutMs: number): Promise<AskingLine> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.system.env.setTimer(timeoutMs, () => {
        reject(new DeadlineExceeded(address, timeoutMs, 'no'));
      });
      void dialling.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

const STOPPING = 'this node is stopping';
