import { BadBytes, CborCodec } from '@troupe/remote';
import { plainData } from './plain-data.ts';
import { checkedSession, type SavedSession } from './session-table.ts';
import { checkedVersions, type SavedVersions } from './version-table.ts';
import { reshare, SharingData, unshare } from './shared-objects.ts';

/** Of the frames in a snapshot: `[FORMAT, index, time, state]`, then one for each session. */
const FORMAT = 1;
/** `[FORMAT_SHARING, index, time, state, shared]`: of a state with one object at several places. */
const FORMAT_SHARING = 2;
/** `[FORMAT_VERSIONS, index, time, state, shared, versions]`: where members run other than 1. */
const FORMAT_VERSIONS = 3;
/** A larger state takes a `StateMachine` of its own, which can hand it out piece by piece. */
const SNAPSHOT_BYTES_MAX = 2 ** 30;

const FIELDS = ['format', 'index', 'time', 'state', 'shared', 'versions'];

/** What a machine is after an entry, but for its sessions. */
export interface SavedMachine {
  readonly index: number;
  readonly time: number;
  /** As `save` gave it. */
  readonly state: unknown;
  /** Undefined while all of them run version 1. */
  readonly versions?: SavedVersions | undefined;
}

/** The bytes of snapshots. */
export class StateCodec {
  readonly #codec = new CborCodec({
    sequenceBytesMax: SNAPSHOT_BYTES_MAX,
    itemsMax: SNAPSHOT_BYTES_MAX,
  });

  /** @throws {NotSerializable} that says where, when the state is no plain data */
  encode({ index, time, state: whole, versions }: SavedMachine): Uint8Array {
    const { state, shared } = unshare(whole);
    if (versions !== undefined) {
      const frame = [FORMAT_VERSIONS, index, time, state, shared, versions];
      return this.#codec.encode(frame, new SharingData(), FIELDS);
    }
    const format = shared.length === 0 ? FORMAT : FORMAT_SHARING;
    const frame = [format, index, time, state];
    if (shared.length > 0) frame.push(shared);
    return this.#codec.encode(frame, new SharingData(), FIELDS);
  }

  encodeSession(session: SavedSession): Uint8Array {
    return this.#codec.encode(session, plainData);
  }

  /**
   * What the whole of a snapshot says, which comes from a disk or from another node.
   * @throws {BadBytes} when it is none
   * @throws {Error} when it is of a later release
   */
  decode(bytes: Uint8Array): {
    readonly machine: SavedMachine;
    readonly sessions: readonly SavedSession[];
    readonly versions: SavedVersions | undefined;
  } {
    const data = new SharingData();
    const frames: readonly (readonly unknown[])[] = this.#codec.decodeSequence(bytes, data);
    const [[format, index, time, written, shared = [], told] = [], ...sessions] = frames;
    if (format !== FORMAT && format !== FORMAT_SHARING && format !== FORMAT_VERSIONS) {
      throw new Error(
        `the snapshot is of format ${String(format)}, and this release knows ${FORMAT_VERSIONS}`,
      );
    }
    const areNumbers = typeof index === 'number' && typeof time === 'number';
    const isRight = areNumbers && Number.isSafeInteger(index) && Number.isFinite(time);
    if (!isRight || !Array.isArray(shared)) {
      throw new BadBytes('the head of the snapshot of a machine');
    }
    // What refers to nothing else is as it was read: nearly all of them, and no copy is made.
    const state = data.refs === 0 ? written : reshare({ state: written, shared });
    const versions = format === FORMAT_VERSIONS ? checkedVersions(told) : undefined;
    return { machine: { index, time, state }, sessions: sessions.map(checkedSession), versions };
  }
}
