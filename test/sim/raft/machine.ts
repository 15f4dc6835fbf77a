import type { Entry } from '@troupe/raft';
import type { RegisterInput } from '@troupe/sim';

/** A command in text: what to do, and which call of a client asked for it. */
export type Command = Exclude<RegisterInput, { kind: 'read' }> & { readonly call: number };

export function encode(command: Command): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(command));
}

interface Image {
  readonly applied: number;
  readonly hash: number;
  readonly registers: readonly [string, unknown][];
}

/** Registers, and a hash of every entry that made them what they are. */
export class Machine {
  applied = 0;
  hash = 0;
  readonly #registers = new Map<string, unknown>();

  read(key: string): unknown {
    return this.#registers.get(key);
  }

  /** @returns of a compare-and-set, whether it did what was asked */
  apply(entry: Entry): boolean | undefined {
    this.applied = entry.index;
    this.hash = mix(this.hash, entry);
    if (entry.kind !== 'command') return undefined;
    const command = JSON.parse(new TextDecoder().decode(entry.data)) as Command;
    if (command.kind === 'write') {
      this.#registers.set(command.key, command.value);
      return undefined;
    }
    if (this.read(command.key) !== command.from) return false;
    this.#registers.set(command.key, command.to);
    return true;
  }

  /** The bytes of a snapshot; the rest of them only makes it take several pieces. */
  save(): Uint8Array {
    const { applied, hash } = this;
    const image: Image = { applied, hash, registers: [...this.#registers] };
    return new TextEncoder().encode(JSON.stringify(image).padEnd(120));
  }

  restore(bytes: Uint8Array): void {
    const { applied, hash, registers } = JSON.parse(new TextDecoder().decode(bytes)) as Image;
    this.applied = applied;
    this.hash = hash;
    this.#registers.clear();
    for (const [key, value] of registers) this.#registers.set(key, value);
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
