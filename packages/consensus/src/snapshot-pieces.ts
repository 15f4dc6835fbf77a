import type { Env } from '@troupe/actor';
import { chunkMessage, type ChunkRequest, type ChunkStore, type Message } from '@troupe/raft';
import type { NodeId } from './consensus.ts';
import { DiskFull } from './log-errors.ts';
import type { LogStore } from './log-store.ts';

/** How long a disk that had no room for a piece of a snapshot is left alone. */
const ROOM_AGAIN_MS = 1_000;

export interface SnapshotPiecesParts {
  readonly group: string;
  readonly node: NodeId;
  readonly env: Env;
  readonly store: LogStore;
  readonly send: (message: Message) => void;
  /** The group takes no more part. */
  readonly hasEnded: () => boolean;
}

/** Snapshots on their way between nodes, piece by piece. */
export class SnapshotPieces {
  readonly #parts: SnapshotPiecesParts;
  /** They are saved one after the other. */
  #saving: Promise<void> = Promise.resolve();

  constructor(parts: SnapshotPiecesParts) {
    this.#parts = parts;
  }

  /**
   * Reads a piece and sends it.
   * @returns false when it cannot be read: the snapshot is gone, or is not what was written
   */
  async send(request: ChunkRequest): Promise<boolean> {
    const { group, node, store, send } = this.#parts;
    const { snapshot, offset, bytes } = request;
    const data = await store.readSnapshot(group, snapshot.id, { offset, bytes });
    if (data?.length !== bytes) return false;
    send(chunkMessage(node, request, data));
    return true;
  }

  /** Resolves when the piece, and those before it, are saved. */
  save(chunk: ChunkStore): Promise<void> {
    this.#saving = this.#saving.then(() => this.#whenThereIsRoom(chunk));
    return this.#saving;
  }

  /** The sender waits for what it has sent to be saved, so it can wait here too. */
  async #whenThereIsRoom(chunk: ChunkStore): Promise<void> {
    const { group, store, env, hasEnded } = this.#parts;
    for (;;) {
      try {
        return await store.storeChunk(group, chunk);
      } catch (error) {
        if (!(error instanceof DiskFull) || hasEnded()) throw error;
        await new Promise<void>((resolve) => env.setTimer(ROOM_AGAIN_MS, resolve));
      }
    }
  }
}
