import type { SnapshotSource } from '../state-machine.ts';

const PIECE_BYTES = 256 * 2 ** 10;
/** Pieces that are on their way at a time. */
const PIECES_MAX = 8;

export interface Sending {
  /** Resolves when all has been sent, or nobody wants the rest. */
  readonly done: Promise<void>;
  /** One more piece may be sent. */
  more(): void;
  /** Nobody wants the rest. */
  drop(): void;
}

/** Reads `source`, copies what it gives, and sends that as fast as the other side reads it. */
export function sendSnapshot(source: SnapshotSource, send: (piece: Uint8Array) => void): Sending {
  let left = PIECES_MAX;
  let isDropped = false;
  let wake: () => void = () => {};
  const room = async (): Promise<void> => {
    if (left === 0 && !isDropped) await new Promise<void>((resolve) => (wake = resolve));
    left -= 1;
  };
  const run = async (): Promise<void> => {
    try {
      for await (const chunk of source.chunks()) {
        for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
          await room();
          if (isDropped) return;
          send(new Uint8Array(chunk.subarray(at, at + PIECE_BYTES))); // It stays the machine's.
        }
      }
    } finally {
      source.release?.();
    }
  };
  return {
    done: run(),
    more() {
      left += 1;
      wake();
    },
    drop() {
      isDropped = true;
      wake();
    },
  };
}
