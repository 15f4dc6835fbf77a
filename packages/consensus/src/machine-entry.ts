import { type Executed, NotSerializable } from '@troupe/actor';
import { BadBytes, CborCodec, type ErrorClass, errorFromWire, errorToWire } from '@troupe/remote';
import { isCount } from './count.ts';
import { plainData } from './plain-data.ts';
import { checkedMembers } from './version-table.ts';

/** What machines have in the log: an array of its kind and its fields, in CBOR. */
export type MachineEntry =
  | { readonly kind: 'open'; readonly time: number }
  | { readonly kind: 'close'; readonly time: number; readonly session: number }
  | ({ readonly kind: 'command'; readonly time: number } & CommandEntry)
  | ({ readonly kind: 'version'; readonly time: number } & VersionEntry);

/** A member says which version of the class it runs. */
export interface VersionEntry {
  readonly node: string;
  readonly version: number;
  /** Who takes part, by what it knows. */
  readonly members: readonly string[];
}

export interface CommandEntry {
  /** The index at which the client's session was opened. */
  readonly session: number;
  /** Counts the commands of a session, from 1 on; the same for each attempt at one. */
  readonly sequence: number;
  /** The client has the results of all commands up to this one, or gave them up. */
  readonly acknowledged: number;
  /** Machines of an earlier version do not know the command. */
  readonly since: number;
  /** Of the randomness that the command sees. */
  readonly seed: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** What came of an entry: the same on every node. */
export type Outcome =
  | Settled
  | { readonly kind: 'opened'; readonly session: number }
  | { readonly kind: 'closed' }
  | { readonly kind: 'told' }
  | { readonly kind: 'refused'; readonly reason: Refusal };

/** What a command returned or threw, in bytes, which nobody can change afterwards. */
export interface Settled {
  readonly kind: 'settled';
  readonly threw: boolean;
  readonly bytes: Uint8Array;
}

/**
 * Why a command was not executed: its session is gone; it was given up before; too many of its
 * session are not acknowledged; some members run a version that does not know it; it makes no
 * sense.
 */
export type Refusal = 'expired' | 'given-up' | 'overloaded' | 'early' | 'malformed';

/** A result that is longer is an error instead: it is kept until the client has it. */
const RESULT_BYTES_MAX = 2 ** 20;
/** What no group takes is encoded all the same up to here, so that the refusal knows its size. */
const ENCODED_BYTES_MAX = 2 ** 28;
const OPEN = 0;
const CLOSE = 1;
const COMMAND = 2;
const VERSION = 3;

/** Arguments as they were when the command was called. */
export type EncodedArguments = ReturnType<CborCodec['encodeValue']>;

/** The bytes of entries and outcomes. */
export class EntryCodec {
  readonly #codec = new CborCodec({ sequenceBytesMax: ENCODED_BYTES_MAX });

  /** @throws {NotSerializable} executed: no */
  args(args: readonly unknown[]): EncodedArguments {
    try {
      return this.#codec.encodeValue(args, plainData, 'args');
    } catch (error) {
      if (!(error instanceof NotSerializable)) throw error;
      // To the codec the whole list is the first element of one.
      const path = error.path.replace('args[0]', 'args');
      throw new NotSerializable(path, error.issue, 'no', { cause: error });
    }
  }

  open(time: number): Uint8Array {
    return this.#encode([OPEN, time]);
  }

  close(time: number, session: number): Uint8Array {
    return this.#encode([CLOSE, time, session]);
  }

  version(time: number, { node, version, members }: VersionEntry): Uint8Array {
    return this.#encode([VERSION, time, node, version, members]);
  }

  /** @param entry whose arguments are encoded already */
  command(time: number, entry: Omit<CommandEntry, 'args'>, args: EncodedArguments): Uint8Array {
    const { session, sequence, acknowledged, since, seed, name } = entry;
    return this.#encode([COMMAND, time, session, sequence, acknowledged, since, seed, name, args]);
  }

  /**
   * @returns undefined when it is none
   * @throws {Error} when it is of a kind that a later release has brought
   */
  decode(bytes: Uint8Array): MachineEntry | undefined {
    const [kind, time, ...fields] = this.#frame(bytes) ?? [];
    if (typeof kind !== 'number' || typeof time !== 'number') return undefined;
    if (!Number.isFinite(time)) return undefined; // It would be the end of time.
    if (kind > VERSION) {
      throw new Error(
        `an entry of kind ${kind} is none that this release knows: upgrade this node`,
      );
    }
    if (kind === OPEN) return { kind: 'open', time };
    if (kind === VERSION) {
      const [node, version, names] = fields;
      const members = checkedMembers(names);
      if (typeof node !== 'string' || !isCount(version) || members === undefined) return undefined;
      return { kind: 'version', time, node, version, members };
    }
    const [session, sequence, acknowledged, since, seed, name, args] = fields;
    if (!isCount(session)) return undefined;
    if (kind === CLOSE) return { kind: 'close', time, session };
    if (!isCount(sequence) || !isCount(acknowledged) || acknowledged >= sequence) return undefined;
    if (!isCount(since) || !isCount(seed) || typeof name !== 'string') return undefined;
    if (!Array.isArray(args)) return undefined;
    const rest = { session, sequence, acknowledged, since, seed, name };
    return { kind: 'command', time, ...rest, args: args as unknown[] };
  }

  /** What a command of that `name` returned, for whoever asks for it. */
  returned(name: string, value: unknown): Settled {
    const bytes = this.#encode([value], ['result']);
    if (bytes.length <= RESULT_BYTES_MAX) return { kind: 'settled', threw: false, bytes };
    const size = `${bytes.length} bytes, over ${RESULT_BYTES_MAX}`;
    throw new RangeError(`the result of ${name} has ${size}: return less, and query the rest`);
  }

  threw(error: unknown, classes: readonly ErrorClass[]): Settled {
    const wire = errorToWire(ranBefore(error), { classes });
    return { kind: 'settled', threw: true, bytes: this.#encode([wire]) };
  }

  /**
   * What the command returned.
   * @throws what it threw
   */
  settle({ threw, bytes }: Settled, classes: readonly ErrorClass[]): unknown {
    const [value] = this.#frame(bytes) ?? [];
    if (threw) throw errorFromWire(value, classes);
    return value;
  }

  /** What another node would get of `value`. */
  copy(value: unknown): unknown {
    return this.#frame(this.#codec.encode([value], plainData, ['result']))?.[0];
  }

  #encode(frame: readonly unknown[], fields?: readonly string[]): Uint8Array {
    return this.#codec.encode(frame, plainData, fields).slice(); // Kept for long, so on its own.
  }

  #frame(bytes: Uint8Array): readonly unknown[] | undefined {
    try {
      const frames = this.#codec.decodeSequence(bytes, plainData);
      return frames.length === 1 ? frames[0] : undefined;
    } catch (error) {
      if (error instanceof BadBytes) return undefined;
      throw error;
    }
  }
}

/** A result that cannot be sent is found out when the command has run. */
function ranBefore(error: unknown): unknown {
  const executed: Executed = 'yes';
  if (!(error instanceof NotSerializable)) return error;
  return new NotSerializable(error.path, error.issue, executed);
}
