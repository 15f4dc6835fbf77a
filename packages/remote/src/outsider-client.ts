import {
  type Actor,
  type AnyRef,
  BadOption,
  type Down,
  type EntityRef,
  Unauthorized,
  Unreachable,
} from '@troupe/actor';
import {
  A_FUNCTION,
  Answer,
  type Caller,
  checkDuration,
  checkName,
  checkOptions,
  definitionOf,
  ELSEWHERE,
  fitting,
  isFunction,
  KEY_CHARS_MAX,
  KIND_CHARS_MAX,
  listOf,
  type OptionCheck,
  type Recipient,
  recipientOf,
  refTo,
} from '@troupe/actor/internal';
import { type OutsiderTarget, TIMEOUT_MS_MAX } from './outsider-frames.ts';
import { type OutsiderClientOptions, OutsiderLine } from './outsider-line.ts';

const CLIENT_OPTIONS: Readonly<Record<keyof OutsiderClientOptions, OptionCheck>> = {
  token: (option, value) => {
    if (typeof value === 'string' || isFunction(value)) return;
    throw new BadOption(option, value, 'give a text that says who this is, or what finds it');
  },
  errors: listOf(fitting(isFunction, 'give a class'), 'give a list of classes'),
  callTimeoutMs: (option, value) => checkDuration(option, value, [1, TIMEOUT_MS_MAX]),
  WebSocket: A_FUNCTION,
  env: ELSEWHERE,
};

/**
 * Connects to the door that a node keeps for outsiders: `wss://app.example/troupe`.
 * @throws {OutsiderRefused} when the token is not accepted. {Unreachable} when nobody answers.
 * @throws {BadOption} when an option makes no sense
 */
export async function connect(
  url: string,
  options: OutsiderClientOptions,
): Promise<OutsiderClient> {
  const client = new OutsiderClient(url, options);
  await client.connected();
  return client;
}

/**
 * A client outside of the cluster: references as inside, and what the node permits. Large bytes of
 * a result lie in the message that they came in, which the platform has made and the collector
 * takes: a WebSocket is given no memory to read into, so there is nothing to `recycle`.
 */
export class OutsiderClient {
  readonly #url: string;
  readonly #options: OutsiderClientOptions;
  #line: OutsiderLine | undefined;
  #isClosed = false;

  /** @throws {BadOption} when one of them makes no sense */
  constructor(url: string, options: OutsiderClientOptions) {
    if (!/^wss?:\/\//i.test(url)) throw new BadOption('url', url, 'give ws:// or wss://host/path');
    checkOptions('', options, CLIENT_OPTIONS);
    CLIENT_OPTIONS.token('token', options.token); // It has no default.
    this.#url = url;
    this.#options = options;
  }

  /** What the node takes this client for; empty until it has been let in. */
  get name(): string {
    return this.#line?.name ?? '';
  }

  /**
   * Names the one entity of that kind and key in the cluster: `client.entity(Room, 'lobby')`, or
   * `client.entity<Room>('room', 'lobby')` where the class itself is of the server's alone.
   * @param key of at most 512 characters
   * @throws {BadArguments} executed: no, when it is longer, or a kind longer than 64 characters
   */
  entity<T extends Actor>(target: string | (new () => T), key: string): EntityRef<T> {
    const kind = typeof target === 'string' ? target : definitionOf(target).kind;
    const given = { to: 'client', method: 'entity' };
    checkName(kind, { ...given, what: 'kind', charsMax: KIND_CHARS_MAX });
    checkName(key, { ...given, what: 'key', charsMax: KEY_CHARS_MAX });
    const address = `${kind}/${key}`;
    const to = new Outside(address, [kind, key], () => this.line());
    return to.ref as object as EntityRef<T>;
  }

  /**
   * Calls `onDown` once, when the actor is down or the connection is lost. The node is asked for
   * permission: `permits`, with the method `monitor`.
   * @returns forgets it
   */
  monitor(ref: AnyRef, onDown: (down: Down) => void): () => void {
    return recipientOf(ref).monitor(onDown);
  }

  /** Resolves when the node has let this client in. Calls need not wait for it. */
  connected(): Promise<void> {
    return this.line().welcomed;
  }

  /** Ends the connection. Calls that wait are told, and later ones fail. */
  close(): void {
    this.#isClosed = true;
    this.#line?.end(new Error('the client was closed'));
  }

  /** The connection that stands, or a new one. */
  line(): OutsiderLine {
    if (this.#isClosed) throw new Unreachable(this.#url, 'the client was closed');
    if (this.#line === undefined || this.#line.isOver) {
      const line: OutsiderLine = new OutsiderLine(this.#url, this.#options, (to, isEntity) => {
        // An entity is found by any connection; an actor was handed out by this one.
        const by = isEntity ? () => this.line() : () => line;
        return new Outside(to.address, to.target, by).ref;
      });
      this.#line = line;
    }
    return this.#line;
  }
}

/** What stands behind a reference of a client's. */
class Outside implements Recipient {
  readonly address: string;
  readonly target: OutsiderTarget;
  readonly line: () => OutsiderLine;
  readonly ref: AnyRef = refTo(this);

  constructor(address: string, target: OutsiderTarget, line: () => OutsiderLine) {
    this.address = address;
    this.target = target;
    this.line = line;
  }

  ask(method: string, args: readonly unknown[], caller: Caller): Answer {
    try {
      const { options } = caller;
      return Answer.of(this.line().ask(this, method, { args, options }), caller);
    } catch (error) {
      return Answer.refused(error);
    }
  }

  /** Lost with the connection, should that end first. */
  tell(method: string, args: readonly unknown[]): void {
    this.line().tell(this, method, args);
  }

  /** Ends with the connection, which says `node-down`. */
  monitor(onDown: (down: Down) => void): () => void {
    return this.line().monitor(this, onDown);
  }

  stop(): Promise<never> {
    return Promise.reject(new Unauthorized(this.address, 'stop'));
  }
}
