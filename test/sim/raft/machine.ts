import type { Entry } from '@troupe/raft';
import type { ListInput, LockInput, RegisterInput } from '@troupe/sim';

/** What changes the state: the inputs of the checkers' models, but for those that only look. */
export type Action =
  | Exclude<RegisterInput, { kind: 'read' }>
  | Extract<ListInput, { kind: 'append' }>
  | LockInput;

/** A command in text: what to do, and which call of which session asked for it. */
export type Command =
  | { readonly kind: 'open' }
  | { readonly kind: 'do'; readonly session: number; readonly call: number; readonly do: Action };

export type Result =
  | { readonly kind: 'opened'; readonly session: number }
  | { readonly kind: 'done'; readonly value: Value }
  /** Nobody knows any more whether it was done. */
  | { readonly kind: 'expired' };

/** Whether it swapped, or was held; a token; or nothing to tell. */
export type Value = boolean | number | null;

export function encode(command: Command): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(command));
}

/** Commands of no session are done each time that they are applied. */
export const NO_SESSION = 0;
/** The one that was used least lately goes first, in the order of the log. */
const SESSIONS_MAX = 4;

interface Session {
  readonly call: number;
  readonly value: Value;
}

interface Image {
  readonly applied: number;
  readonly hash: number;
  readonly registers: readonly [string, unknown][];
  readonly lists: readonly [string, readonly unknown[]][];
  readonly locks: readonly [string, string][];
  readonly sessions: readonly [number, Session][];
}

/** Registers, lists, locks and sessions, and a hash of every entry that made them what they are. */
export class Machine {
  applied = 0;
  hash = 0;
  #registers = new Map<string, unknown>();
  #lists = new Map<string, readonly unknown[]>();
  /** Who holds each. */
  #locks = new Map<string, string>();
  /** The last call of each, and what came of it; the one used last is last. */
  #sessions = new Map<number, Session>();

  read(key: string): unknown {
    return this.#registers.get(key);
  }

  list(key: string): readonly unknown[] {
    return this.#lists.get(key) ?? [];
  }

  /**
   * @param onEffect is told of a call when it takes effect, which it may once
   * @returns what a client is told
   */
  apply(entry: Entry, onEffect: (call: number) => void): Result | undefined {
    this.applied = entry.index;
    this.hash = mix(this.hash, entry);
    if (entry.kind !== 'command') return undefined;
    const command = JSON.parse(new TextDecoder().decode(entry.data)) as Command;
    if (command.kind === 'open') return this.#open(entry.index);
    const { session: id, call } = command;
    const session = this.#sessions.get(id);
    if (id !== NO_SESSION) {
      if (session === undefined || session.call > call) return { kind: 'expired' };
      if (session.call === call) return { kind: 'done', value: session.value };
      onEffect(call);
    }
    const value = this.#do(command.do, entry.index);
    if (id !== NO_SESSION) {
      this.#sessions.delete(id);
      this.#sessions.set(id, { call, value });
    }
    return { kind: 'done', value };
  }

  /** The bytes of a snapshot; the rest of them only makes it take several pieces. */
  save(): Uint8Array {
    const image: Image = {
      applied: this.applied,
      hash: this.hash,
      registers: [...this.#registers],
      lists: [...this.#lists],
      locks: [...this.#locks],
      sessions: [...this.#sessions],
    };
    return new TextEncoder().encode(JSON.stringify(image).padEnd(120));
  }

  restore(bytes: Uint8Array): void {
    const image = JSON.parse(new TextDecoder().decode(bytes)) as Image;
    this.applied = image.applied;
    this.hash = image.hash;
    this.#registers = new Map(image.registers);
    this.#lists = new Map(image.lists);
    this.#locks = new Map(image.locks);
    this.#sessions = new Map(image.sessions);
  }

  #open(session: number): Result {
    this.#sessions.set(session, { call: 0, value: null });
    if (this.#sessions.size > SESSIONS_MAX) {
      const [oldest] = this.#sessions.keys();
      if (oldest !== undefined) this.#sessions.delete(oldest);
    }
    return { kind: 'opened', session };
  }

  #do(action: Action, index: number): Value {
    switch (action.kind) {
      case 'write':
        this.#registers.set(action.key, action.value);
        return null;
      case 'cas':
        if (this.read(action.key) !== action.from) return false;
        this.#registers.set(action.key, action.to);
        return true;
      case 'append':
        this.#lists.set(action.key, [...this.list(action.key), action.value]);
        return null;
      case 'acquire':
        if (this.#locks.has(action.lock)) return null;
        this.#locks.set(action.lock, action.by);
        return index; // Greater than every one before: a fencing token.
      case 'release':
        return this.#locks.get(action.lock) === action.by && this.#locks.delete(action.lock);
    }
  }
}

/** FNV-1a over index, term and command. */
function mix(hash: number, entry: Entry): number {
  let next = hash ^ 0x811c9dc5;
  const add = (value: number): void => void (next = Math.imul(next ^ value, 0x01000193));
  add(entry.index);
  add(entry.term);
  if (entry.kind === 'command') for (const byte of entry.data) add(byte);
  return next >>> 0;
}
