import { BadBytes } from '@troupe/remote';
import { isCount } from './count.ts';
import type { CommandEntry, Outcome, Settled } from './machine-entry.ts';

/** Sessions of one group; the one that was idle for longest, in the log, makes room for another. */
export const SESSIONS_MAX = 1_024;
/** Commands of one session, from the first that is under way on; further ones are refused. */
export const RESULTS_MAX = 8_192;

interface Session {
  acknowledged: number;
  /** By the sequence of the command. */
  readonly results: Map<number, Settled>;
}

/** A session in a snapshot: its id, what is acknowledged, and the results that are kept. */
export type SavedSession = readonly [
  id: number,
  acknowledged: number,
  results: readonly (readonly [sequence: number, threw: boolean, bytes: Uint8Array])[],
];

/**
 * What the clients of a group have had executed, as a part of its state: the same table on every
 * node, since all of it follows from the log. That a command is executed once rests on it.
 */
export class SessionTable {
  /** In the order in which they were last heard of. */
  readonly #sessions = new Map<number, Session>();

  get size(): number {
    return this.#sessions.size;
  }

  /** Begins a session, whose id is the index of the entry that did so. */
  open(id: number): void {
    const [idle] = this.#sessions.keys();
    if (this.#sessions.size >= SESSIONS_MAX && idle !== undefined) this.#sessions.delete(idle);
    this.#sessions.set(id, { acknowledged: 0, results: new Map() });
  }

  close(id: number): void {
    this.#sessions.delete(id);
  }

  /** Executes a command, unless it was before: then it is answered as it was then. */
  once({ session: id, sequence, acknowledged }: CommandEntry, execute: () => Outcome): Outcome {
    const session = this.#sessions.get(id);
    if (session === undefined) return { kind: 'refused', reason: 'expired' };
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
    acknowledge(session, acknowledged);
    const known = session.results.get(sequence);
    if (known !== undefined) return known;
    if (sequence <= session.acknowledged) return { kind: 'refused', reason: 'given-up' };
    if (session.results.size >= RESULTS_MAX) return { kind: 'refused', reason: 'overloaded' };
    const outcome = execute();
    if (outcome.kind === 'settled') session.results.set(sequence, outcome);
    return outcome;
  }

  save(): readonly SavedSession[] {
    return [...this.#sessions].map(([id, { acknowledged, results }]): SavedSession => {
      const saved = [...results].map(([sequence, { threw, bytes }]) => {
        return [sequence, threw, bytes] as const;
      });
      return [id, acknowledged, saved];
    });
  }

  load([id, acknowledged, saved]: SavedSession): void {
    const results = saved.map(([sequence, threw, bytes]) => {
      return [sequence, { kind: 'settled', threw, bytes }] as const;
    });
    this.#sessions.set(id, { acknowledged, results: new Map(results) });
  }
}

/** What has been acknowledged is never asked for again; it is dropped the shorter way. */
function acknowledge(session: Session, upTo: number): void {
  const { acknowledged, results } = session;
  if (upTo <= acknowledged) return;
  session.acknowledged = upTo;
  if (upTo - acknowledged <= results.size) {
    for (let sequence = acknowledged + 1; sequence <= upTo; sequence += 1) results.delete(sequence);
    return;
  }
  for (const sequence of results.keys()) if (sequence <= upTo) results.delete(sequence);
}

/**
 * A session of a snapshot, as it was read.
 * @throws {BadBytes} when it is none
 */
export function checkedSession(saved: readonly unknown[]): SavedSession {
  const [id, acknowledged, results] = saved;
  const isRight = isCount(id) && isCount(acknowledged) && Array.isArray(results);
  if (!isRight || results.length > RESULTS_MAX || !results.every(isResult)) {
    throw new BadBytes('a session in the snapshot of a machine');
  }
  return [id, acknowledged, results];
}

function isResult(saved: unknown): saved is SavedSession[2][number] {
  if (!Array.isArray(saved)) return false;
  const [sequence, threw, bytes] = saved as readonly unknown[];
  return isCount(sequence) && typeof threw === 'boolean' && bytes instanceof Uint8Array;
}
