import { ByteReader, ByteWriter } from './byte-stream.ts';
import { checksum } from './checksum.ts';
import type { File } from './files.ts';
import type { Snapshot } from '@troupe/raft';
import { decodeSnapshot, encodeSnapshot } from './log-values.ts';

/** Contents of snapshots are vouched for by a checksum for each so many bytes. */
export const BLOCK_BYTES: number = 64 * 2 ** 10;

/** The checksums of what is written from front to back. */
export class BlockSums {
  readonly sums: number[];
  #length: number;
  #running = 0;

  /** @param sums of whole blocks that are there already */
  constructor(sums: readonly number[] = []) {
    this.sums = [...sums];
    this.#length = this.sums.length * BLOCK_BYTES;
  }

  get length(): number {
    return this.#length;
  }

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const room = BLOCK_BYTES - (this.#length % BLOCK_BYTES);
      const part = bytes.subarray(at, at + room);
      this.#running = checksum(part, this.#running);
      this.#length += part.length;
      at += part.length;
      if (part.length === room) this.#endBlock();
    }
  }

  /** Nothing follows. */
  end(): void {
    if (this.#length % BLOCK_BYTES > 0) this.#endBlock();
  }

  #endBlock(): void {
    this.sums.push(this.#running);
    this.#running = 0;
  }
}

/** What is said of a snapshot, beside its content. */
export interface Manifest {
  readonly bytes: number;
  /** Of one that comes from another node: what it is. */
  readonly snapshot: Snapshot | undefined;
}

/**
 * The file beside a snapshot's content:
 *
 *     u32 checksum | u32 length | varint bytes | u8 whether a description follows | [snapshot]
 *     u32 checksum of each block …
 */
const HEAD_BYTES = 8;
const HEAD_BYTES_MAX = 2 ** 20;

export function encodeManifest({ bytes, snapshot }: Manifest): Buffer {
  const writer = new ByteWriter(256);
  writer.reset(HEAD_BYTES);
  writer.varint(bytes);
  writer.uint8(snapshot === undefined ? 0 : 1);
  if (snapshot !== undefined) encodeSnapshot(writer, snapshot);
  const head = writer.written;
  head.writeUInt32LE(head.length - HEAD_BYTES, 4);
  head.writeUInt32LE(checksum(head.subarray(4)), 0);
  return head;
}

export function encodeSums(sums: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * sums.length);
  for (const [i, sum] of sums.entries()) bytes.writeUInt32LE(sum, 4 * i);
  return bytes;
}

/** @returns `undefined` when it is damaged, or not whole */
export async function readManifest(
  file: File,
): Promise<(Manifest & { readonly sums: readonly number[] }) | undefined> {
  const start = asBuffer(await file.read(0, HEAD_BYTES));
  if (start.length < HEAD_BYTES) return undefined;
  const length = start.readUInt32LE(4);
  if (length > HEAD_BYTES_MAX) return undefined;
  const head = asBuffer(await file.read(0, HEAD_BYTES + length));
  if (head.length < HEAD_BYTES + length) return undefined;
  if (checksum(head.subarray(4)) !== head.readUInt32LE(0)) return undefined;
  const reader = new ByteReader(head, HEAD_BYTES);
  const bytes = reader.varint();
  const snapshot = reader.uint8() === 0 ? undefined : decodeSnapshot(reader);
  const blocks = Math.ceil(bytes / BLOCK_BYTES);
  const list = asBuffer(await file.read(head.length, 4 * blocks));
  const sums = Array.from({ length: Math.floor(list.length / 4) }, (_, i) =>
    list.readUInt32LE(4 * i),
  );
  return { bytes, snapshot, sums };
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
