import type { Command, SnapshotSource, StateMachine } from './state-machine.ts';

/** Adds up what it is told, and keeps the order in which it was told. */
export class Adder implements StateMachine<number> {
  readonly version: number = 1;
  sum = 0;
  readonly seen: number[] = [];
  #failAt: number | undefined;

  apply(batch: readonly Command[]): readonly number[] {
    return batch.map(({ data }) => {
      const value = new DataView(data.buffer, data.byteOffset).getInt32(0);
      if (value === this.#failAt) throw new Error(`cannot add ${value}`);
      this.seen.push(value);
      return (this.sum += value);
    });
  }

  snapshot(): SnapshotSource {
    const text = JSON.stringify({ sum: this.sum, seen: this.seen });
    const bytes = new TextEncoder().encode(text);
    return { chunks: () => [bytes.subarray(0, 5), bytes.subarray(5)] };
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = '';
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
    const { sum, seen } = JSON.parse(text) as { sum: number; seen: number[] };
    this.sum = sum;
    this.seen.splice(0, Infinity, ...seen);
  }

  failOn(value: number): this {
    this.#failAt = value;
    return this;
  }
}

/** The command that adds `value`. */
export function add(value: number): Uint8Array {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setInt32(0, value);
  return data;
}
