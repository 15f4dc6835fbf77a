import type { Env } from '@troupe/actor';
import type { Raft, Snapshot } from '@troupe/raft';
import type { SnapshotInfo } from './consensus.ts';
import { MachineOutdated } from './errors.ts';
import type { LogStore } from './log-store.ts';
import type { SnapshotSource, StateMachine } from './state-machine.ts';

const READ_BYTES = 256 * 2 ** 10;
/** In front of what the machine says: its version. */
const HEADER_BYTES = 4;

export interface SnapshotLimits {
  /** Commands applied after which a snapshot is made, and the log shortened. Default: 100,000. */
  readonly snapshotEntries: number;
  /** Entries kept behind a snapshot, for those who are a little behind. Default: 10,000. */
  readonly keepEntries: number;
}

/** The snapshots of one group on this node: made of its machine, saved, and read back. */
export class Snapshots {
  readonly #group: string;
  readonly #env: Env;
  readonly #store: LogStore;
  readonly #node: string;
  #made = 0;
  /** Those that are being made: complete on disk, perhaps, before anybody has adopted them. */
  readonly #making = new Set<string>();
  /** The newest one that is complete. */
  latest: Snapshot | undefined;

  constructor(
    group: string,
    { node, env, store }: { readonly node: string; readonly env: Env; readonly store: LogStore },
  ) {
    this.#group = group;
    this.#node = node;
    this.#env = env;
    this.#store = store;
  }

  /**
   * Saves what `machine` is now, when it has applied `index`. A witness has none, and saves nothing
   * but where it stands.
   */
  async make(raft: Raft, index: number, machine: StateMachine | undefined): Promise<Snapshot> {
    const id = this.#freshId(index);
    // Its term and members are those of this moment; while it is written, the log goes on.
    const described = raft.snapshotAt({ id, index, bytes: 0 });
    const source = machine?.snapshot();
    this.#making.add(id);
    try {
      const chunks = source === undefined ? nothing() : withVersion(machine?.version ?? 0, source);
      const bytes = await this.#store.writeSnapshot(this.#group, id, chunks);
      return { ...described, bytes };
    } catch (error) {
      this.#making.delete(id);
      throw error;
    } finally {
      source?.release?.();
    }
  }

  /** `snapshot` is written, here or by whoever sent it: the log before it may go. */
  async adopt(raft: Raft, snapshot: Snapshot, keepEntries: number): Promise<void> {
    const first = raft.compact(snapshot, { keepEntries });
    const { index, id } = this.latest ?? { index: 0, id: undefined };
    // Or another, newer one has come from a leader while it was written, and is to be restored.
    const isTaken = raft.snapshotsInUse.has(snapshot.id);
    if (isTaken && (snapshot.index > index || snapshot.id === id)) {
      this.latest = snapshot;
      await this.#store.compact(this.#group, snapshot, first);
    }
    this.#making.delete(snapshot.id);
    // That one need not be durable yet, so the latest is kept until it is.
    const inUse = new Set([...raft.snapshotsInUse, ...this.#making]);
    if (this.latest !== undefined) inUse.add(this.latest.id);
    await this.#store.keepSnapshots(this.#group, inUse);
  }

  /** It cannot be read any more: the next one takes its place, also if it is of the same index. */
  forget({ id }: Snapshot): void {
    if (this.latest?.id === id) this.latest = undefined;
  }

  /** Nothing is kept behind the newest one, although somebody may still need it. */
  async shorten(raft: Raft): Promise<void> {
    const { latest } = this;
    // Or what has come in place of the log is yet to be restored: it must not give way to this one.
    if (latest === undefined || !raft.snapshotsInUse.has(latest.id)) return;
    await this.#store.compact(this.#group, latest, raft.compact(latest, { keepEntries: 0 }));
  }

  /** Whether `snapshot` can be read to its end. */
  async isSound(snapshot: Snapshot): Promise<boolean> {
    for (let at = 0; at < snapshot.bytes; at += READ_BYTES) {
      const bytes = Math.min(READ_BYTES, snapshot.bytes - at);
      const piece = { offset: at, bytes };
      const data = await this.#store.readSnapshot(this.#group, snapshot.id, piece);
      if (data?.length !== bytes) return false;
    }
    return true;
  }

  /**
   * The state of `snapshot` takes the place of the present one; that of a witness is none.
   * @throws {MachineOutdated} when a later version of the machine has written it
   */
  async restore(snapshot: Snapshot, machine: StateMachine): Promise<void> {
    if (snapshot.bytes > 0) await this.#restore(snapshot, machine);
    this.latest = snapshot;
  }

  async #restore(snapshot: Snapshot, machine: StateMachine): Promise<void> {
    const { id, index } = snapshot;
    const header = await this.#read(id, 0, HEADER_BYTES);
    const version = new DataView(header.buffer, header.byteOffset).getUint32(0);
    if (version > machine.version) {
      const versions = { needed: version, running: machine.version };
      const { name = 'the state machine' } = machine;
      throw new MachineOutdated(name, `the snapshot at ${index}`, versions);
    }
    await machine.restore(this.#chunks(snapshot), { version, index });
  }

  async *#chunks({ id, bytes }: Snapshot): AsyncGenerator<Uint8Array, void, void> {
    for (let at = HEADER_BYTES; at < bytes; at += READ_BYTES) {
      yield await this.#read(id, at, Math.min(READ_BYTES, bytes - at));
    }
  }

  async #read(id: string, offset: number, bytes: number): Promise<Uint8Array> {
    const data = await this.#store.readSnapshot(this.#group, id, { offset, bytes });
    if (data?.length === bytes) return data;
    throw new Error(`snapshot ${id} of group ${this.#group} cannot be read at ${offset}`);
  }

  #freshId(index: number): string {
    this.#made += 1;
    const chance = Math.floor(this.#env.random() * 2 ** 32).toString(36);
    return `${this.#node}-${index}-${this.#made}-${chance}`;
  }
}

export function infoOf({ index, term, bytes }: Snapshot): SnapshotInfo {
  return { index, epoch: term, bytes };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}

async function* withVersion(
  version: number,
  source: SnapshotSource,
): AsyncGenerator<Uint8Array, void, void> {
  const header = new Uint8Array(HEADER_BYTES);
  new DataView(header.buffer).setUint32(0, version);
  yield header;
  for await (const chunk of source.chunks()) if (chunk.length > 0) yield chunk;
}
