import { CoordinationMachine } from '@troupe/consensus';
import type { ClaimRequest } from '../../dist/coordination/claim-table.js';

const LOCK = 1_000;

/** A machine by itself, and the log that it is given: entry after entry, in an epoch. */
export class TestLog {
  machine = new CoordinationMachine();
  index = 0;
  epoch = 1;

  /** The next entry does `run`. */
  next<T>(run: (machine: CoordinationMachine) => T): T {
    this.index += 1;
    const { index, epoch } = this;
    this.machine['~troupe/enter']({ index, epoch, time: 0, random: () => 0 });
    return run(this.machine);
  }

  lease(ttlMs: number = 1_000): number {
    return this.next((machine) => machine.openLease(ttlMs));
  }

  /** An exclusive claim that waits, of the lock `x`, unless `more` says otherwise. */
  claim(lease: number, ticket: number, more: Partial<ClaimRequest> = {}): number | string {
    const defaults = { resource: 'lock x', size: LOCK, take: LOCK, delayMs: 0, value: null };
    const request = { ...defaults, wait: true, lease, ticket, ...more };
    const answer = this.next((machine) => machine.claim(request));
    return answer.kind === 'held' ? answer.token : answer.kind;
  }

  /** Whoever leads says that the time of `lease` is over. */
  expire(lease: number, { renewed = lease, epoch = this.epoch } = {}): void {
    this.next((machine) => machine.elapsed({ epoch, leases: [[lease, renewed]], delays: [] }));
  }

  /** The delay of `name` that began at the entry `since` is over. */
  lift(name: string, since: number, epoch: number = this.epoch): void {
    this.next((machine) => machine.elapsed({ epoch, leases: [], delays: [[name, since]] }));
  }

  put(key: string, text: string, lease: number = 0): number {
    const value = new TextEncoder().encode(text);
    const operations = [{ kind: 'put', key, value, lease }] as const;
    return this.next((machine) => {
      return machine.transact({ conditions: [], operations, otherwise: [] }).revision;
    });
  }

  /** What a node that was sent a snapshot has. */
  restored(): CoordinationMachine {
    const fresh = new CoordinationMachine();
    fresh['~troupe/load'](structuredClone(this.machine['~troupe/save']()), 1);
    return fresh;
  }
}

export function tokensOf(machine: CoordinationMachine, resource = 'lock x'): readonly number[] {
  return machine.holders(resource).map(({ token }) => token);
}
