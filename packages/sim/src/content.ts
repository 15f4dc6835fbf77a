import type { Random } from './random.ts';

/** A power cut leaves each of these whole: old or new, never half. */
const SECTOR_BYTES = 512;

/**
 * What one file holds: as programs read it, and as it would be after a power cut. What a sync costs
 * grows with what was written since the last one, and not with the file.
 */
export class Content {
  /** Both of the same length, which is more than is used; beyond it they hold zeros. */
  #bytes: Uint8Array = new Uint8Array(SECTOR_BYTES);
  #durable: Uint8Array = new Uint8Array(SECTOR_BYTES);
  #size = 0;
  #durableSize = 0;
  /** Sectors that differ in the two, and that the next sync writes. */
  readonly #dirty = new Set<number>();
  /** Sectors that a failed sync was to write. No later one does, unless they are written again. */
  readonly #dropped = new Set<number>();

  get size(): number {
    return this.#size;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(offset, Math.min(offset + length, this.#size));
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    this.#reserve(end);
    this.#bytes.set(bytes, offset);
    this.#touch(Math.min(offset, this.#size), end);
    this.#size = Math.max(this.#size, end);
  }

  resize(size: number): void {
    this.#reserve(size);
    this.#touch(Math.min(size, this.#size), Math.max(size, this.#size));
    this.#bytes.fill(0, size, Math.max(size, this.#size));
    this.#size = size;
  }

  sync(): void {
    for (const sector of this.#dirty) copySector(sector, this.#bytes, this.#durable);
    this.#dirty.clear();
    this.#durableSize = this.#size;
  }

  /** As the page cache of Linux: what could not be written counts as written from then on. */
  failSync(random: Random): void {
    for (const sector of this.#dirty) {
      if (random.chance(0.5)) copySector(sector, this.#bytes, this.#durable);
      else this.#dropped.add(sector);
    }
    this.#dirty.clear();
  }

  /** Every sector that was not synced is old or new, in any combination; lengths likewise. */
  cutPower(random: Random): void {
    const isSettled = this.#size === this.#durableSize;
    const size = isSettled || random.chance(0.5) ? this.#size : this.#durableSize;
    for (const sector of this.#dropped) copySector(sector, this.#durable, this.#bytes);
    for (const sector of this.#dirty) {
      if (random.chance(0.5)) copySector(sector, this.#durable, this.#bytes);
    }
    this.#dropped.clear();
    this.#size = Math.max(this.#size, this.#durableSize); // Beyond `size` nothing is to be left.
    this.resize(size);
    this.sync();
  }

  /** @returns false when there is no such byte */
  flipBit(offset: number): boolean {
    if (offset >= this.#size) return false;
    flip(this.#bytes, offset);
    if (offset < this.#durableSize) flip(this.#durable, offset);
    return true;
  }

  #touch(from: number, to: number): void {
    for (let at = Math.floor(from / SECTOR_BYTES); at * SECTOR_BYTES < to; at += 1) {
      this.#dirty.add(at);
      this.#dropped.delete(at);
    }
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    let length = this.#bytes.length;
    while (length < size) length *= 2;
    this.#bytes = grown(this.#bytes, length);
    this.#durable = grown(this.#durable, length);
  }
}

function copySector(sector: number, from: Uint8Array, to: Uint8Array): void {
  const at = sector * SECTOR_BYTES;
  to.set(from.subarray(at, at + SECTOR_BYTES), at);
}

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}

function flip(bytes: Uint8Array, offset: number): void {
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
}
