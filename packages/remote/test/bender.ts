import type { Connection, Transport } from '@troupe/remote';
import { HEADER_BYTES, packEnvelope, readU32 } from '../dist/envelope.js';
import type { Fuzzer } from './fuzzer.ts';

/** Writes that may come back later. */
const KEPT_MAX = 32;
const HANDSHAKE = Buffer.from('TRPE');

type Write = Uint8Array;

/**
 * A transport whose bytes are bent on their way, by somebody who knows the protocol: what is
 * changed within envelopes gets new sums, so that nothing but its meaning can give it away.
 */
export class Bender {
  readonly #fuzzer: Fuzzer;
  readonly #random: () => number;
  /** One write of so many is bent; none when it is 0. */
  oneIn = 0;
  bends = 0;
  readonly #kept: Write[] = [];
  #heldBack: Write | undefined;

  constructor(fuzzer: Fuzzer, random: () => number) {
    this.#fuzzer = fuzzer;
    this.#random = random;
  }

  /** Bends what is written by either side of the connections that are dialled through it. */
  transport(inner: Transport): Transport {
    return {
      ...inner,
      dial: async (address, options) => this.#between(await inner.dial(address, options)),
      listen: (address, accept, refused) =>
        inner.listen(address, (connection) => accept(this.#between(connection)), refused),
    };
  }

  /** From now on all passes as it is. */
  rest(): void {
    this.oneIn = 0;
    this.#heldBack = undefined;
  }

  /** What is written in the place of `bytes`. */
  bend(bytes: Write): readonly Write[] {
    const earlier = this.#heldBack;
    this.#heldBack = undefined;
    const writes = this.#isDue() ? this.#bent(bytes) : [bytes];
    this.#keep(bytes);
    return earlier === undefined ? writes : [...writes, earlier];
  }

  #between(connection: Connection): Connection {
    const write = connection.write.bind(connection);
    connection.write = (bytes) => {
      for (const each of this.bend(Uint8Array.from(bytes))) write(each);
      return true;
    };
    return connection;
  }

  #isDue(): boolean {
    return this.oneIn > 0 && this.#random() < 1 / this.oneIn;
  }

  #bent(bytes: Write): readonly Write[] {
    this.bends += 1;
    const isHandshake = HANDSHAKE.equals(bytes.subarray(0, HANDSHAKE.length));
    if (isHandshake || bytes.length < HEADER_BYTES) return this.#pick(this.#asBytes(bytes));
    return this.#pick([...this.#asBytes(bytes), ...this.#asEnvelope(bytes)]);
  }

  /** As a network may do, or somebody who does not know what it is. */
  #asBytes(bytes: Write): (() => readonly Write[])[] {
    const at = this.#below(bytes.length);
    return [
      () => [],
      () => [bytes.subarray(0, at)],
      () => [bytes.subarray(at)],
      () => [bytes.map((byte, i) => (i === at ? byte ^ (1 << this.#below(8)) : byte))],
      () => [bytes, this.#earlier() ?? bytes],
      () => [this.#earlier() ?? bytes],
      () => {
        this.#heldBack = bytes;
        return [];
      },
    ];
  }

  /** As a peer may do that wishes nobody well. */
  #asEnvelope(bytes: Write): (() => readonly Write[])[] {
    const flags = bytes[16] ?? 0;
    const sequence = readU32(bytes, 4);
    const acknowledged = readU32(bytes, 8);
    const body = bytes.subarray(HEADER_BYTES);
    const sealed = (changed: Uint8Array, head: Partial<Parameters<typeof packEnvelope>[0]> = {}) =>
      packEnvelope({ flags, sequence, acknowledged, ...head }, [changed], changed.length);
    const bent = (): readonly Write[] => {
      let changed = body;
      for (let bends = 1 + this.#below(3); bends > 0; bends -= 1) {
        changed = this.#fuzzer.bent(changed);
      }
      return [sealed(changed)];
    };
    const again = (): readonly Write[] => {
      const earlier = this.#earlier();
      return earlier === undefined ? bent() : [sealed(earlier.subarray(HEADER_BYTES))];
    };
    return [
      bent,
      bent,
      bent,
      bent,
      again,
      again,
      () => [sealed(Buffer.concat([body, body]))],
      () => [sealed(body, { flags: this.#below(20) })],
      () => [sealed(body, { sequence: (sequence + this.#below(3) - 1) >>> 0 })],
      () => [sealed(body, { acknowledged: (acknowledged + this.#below(9) - 4) >>> 0 })],
    ];
  }

  #keep(bytes: Write): void {
    if (bytes.length < HEADER_BYTES) return;
    if (this.#kept.length >= KEPT_MAX) this.#kept.splice(this.#below(KEPT_MAX), 1);
    this.#kept.push(bytes);
  }

  #earlier(): Write | undefined {
    return this.#kept[this.#below(this.#kept.length)];
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #pick(choices: readonly (() => readonly Write[])[]): readonly Write[] {
    return choices[this.#below(choices.length)]!();
  }
}
