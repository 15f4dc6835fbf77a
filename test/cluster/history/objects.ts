import { createHash } from 'node:crypto';
import { command, Machine, query } from '@troupe/consensus';
import type { Body } from './bodies.ts';

/** How far a server is, and a digest of all it knows. */
export interface State {
  readonly index: number;
  readonly digest: string;
}

/** What is written into a register: a number, and what belongs to it. */
export interface Value {
  readonly number: number;
  readonly body: Body;
}

/** What the clients of a history share: registers, lists, counters and locks, by key. */
export class Objects extends Machine {
  readonly registers: Map<string, Value> = new Map<string, Value>();
  readonly lists: Map<string, readonly number[]> = new Map<string, readonly number[]>();
  readonly counters: Map<string, number> = new Map<string, number>();
  /** Who holds each. */
  readonly locks: Map<string, string> = new Map<string, string>();

  @command write(key: string, value: Value): void {
    this.registers.set(key, value);
  }

  @command cas(key: string, from: number | null, to: Value): boolean {
    if ((this.register(key)?.number ?? null) !== from) return false;
    this.registers.set(key, to);
    return true;
  }

  @command append(key: string, value: number): void {
    this.lists.set(key, [...this.list(key), value]);
  }

  @command add(key: string): number {
    const total = this.counter(key) + 1;
    this.counters.set(key, total);
    return total;
  }

  /** @returns a fencing token, greater than every one before; null while somebody holds it */
  @command acquire(key: string, by: string): number | null {
    if (this.locks.has(key)) return null;
    this.locks.set(key, by);
    return this.entry.index;
  }

  @command release(key: string, by: string): boolean {
    return this.locks.get(key) === by && this.locks.delete(key);
  }

  @query register(key: string): Value | null {
    return this.registers.get(key) ?? null;
  }

  @query list(key: string): readonly number[] {
    return this.lists.get(key) ?? [];
  }

  @query counter(key: string): number {
    return this.counters.get(key) ?? 0;
  }

  @query state(): State {
    const hash = createHash('sha256');
    for (const [key, { number, body }] of this.registers) {
      hash.update(`${key} ${number} `).update(body ?? '');
    }
    const others = [this.lists, this.counters, this.locks].map((map) => [...map]);
    const digest = hash.update(JSON.stringify(others)).digest('hex');
    return { index: this.entry.index, digest };
  }
}
