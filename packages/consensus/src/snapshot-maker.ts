import type { Env } from '@troupe/actor';
import type { Raft, Snapshot } from '@troupe/raft';
import type { NodeId, SnapshotInfo } from './consensus.ts';
import { GroupClosed, NothingApplied } from './errors.ts';
import type { Feed } from './feed.ts';
import { DiskFull } from './log-errors.ts';
import { infoOf, type SnapshotLimits, type Snapshots } from './snapshots.ts';
import type { StateMachine } from './state-machine.ts';

/** How long a disk that had no room for a snapshot, or does not give it back, is left alone. */
const AGAIN_MS = 10_000;

/** What the snapshots of a group are made of, and when. */
export interface SnapshotMakerParts {
  readonly group: string;
  readonly node: NodeId;
  readonly env: Env;
  readonly raft: Raft;
  readonly machine: StateMachine;
  readonly snapshots: Snapshots;
  readonly limits: SnapshotLimits;
  readonly feed: Feed;
  /** The group takes no more part. */
  readonly hasEnded: () => boolean;
}

/** Makes snapshots when they are asked for, when the log is long, and when room is short. */
export class SnapshotMaker {
  readonly #parts: SnapshotMakerParts;
  #making: Promise<SnapshotInfo> | undefined;
  /** When there was no room for one, or what was made could not be read either. */
  #refusedAt = -Infinity;
  /** When one could not be read. */
  #unreadableAt = -Infinity;
  /** Neither could the one in its place, and that has been told. */
  #isUnreadable = false;
  /** The end of the log when room was short the last time. */
  #lastSeen = -1;
  /** Who waits until a snapshot of another member is restored. */
  #waiting: (() => void)[] = [];

  constructor(parts: SnapshotMakerParts) {
    this.#parts = parts;
  }

  /**
   * @throws {DiskFull} and nothing has changed
   * @throws {NothingApplied}
   * @throws {GroupClosed}
   */
  make(): Promise<SnapshotInfo> {
    const { group, raft, snapshots, hasEnded } = this.#parts;
    if (hasEnded()) return Promise.reject(new GroupClosed(group, 'no'));
    const { applied } = raft.status;
    const { latest } = snapshots;
    if (latest !== undefined && latest.index === applied) return Promise.resolve(infoOf(latest));
    if (applied === 0) return Promise.reject(new NothingApplied(group));
    this.#making ??= this.#make(applied).finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  /** The log has become long: makes one, if it is time and there is room. */
  async makeIfDue(applied: number): Promise<void> {
    const { snapshots, limits } = this.#parts;
    const isLong = applied - (snapshots.latest?.index ?? 0) >= limits.snapshotEntries;
    if (isLong) await this.#tryTo(() => this.make());
  }

  /**
   * Another member needs one of `least` or later, which this node can make when it is so far.
   * @returns whether there is a new one
   */
  async makeFor(least: number): Promise<boolean> {
    const { raft, snapshots } = this.#parts;
    const before = snapshots.latest;
    if (raft.appliedIndex >= least) await this.#tryTo(() => this.make());
    return snapshots.latest !== before;
  }

  /**
   * One that another member needs cannot be read: it is told, and the next takes its place. A disk
   * that does not give that back either would be kept busy with one after the other.
   */
  unreadable(snapshot: Snapshot): void {
    const { group, env, snapshots, feed } = this.#parts;
    const now = env.now();
    const isAgain = now - this.#unreadableAt < 2 * AGAIN_MS;
    this.#unreadableAt = now;
    if (isAgain) this.#refusedAt = now;
    if (!isAgain || !this.#isUnreadable) {
      const next = isAgain ? `one is made every ${AGAIN_MS / 1_000} s` : 'another is made';
      env.log.error(
        { group, snapshot: snapshot.id },
        `a snapshot of a group cannot be read, to be sent to a member: ${next} of the state; ` +
          'look after the disk',
      );
    }
    this.#isUnreadable = isAgain;
    feed.tell({ kind: 'unreadable', snapshot: infoOf(snapshot) });
    snapshots.forget(snapshot);
  }

  /** Its state has come from another member and taken the place of the one before. */
  async received(snapshot: Snapshot): Promise<void> {
    const { raft, snapshots, limits, feed } = this.#parts;
    this.wake();
    await snapshots.adopt(raft, snapshot, limits.keepEntries);
    feed.tell({ kind: 'snapshot', origin: 'received', snapshot: infoOf(snapshot) });
  }

  /** A snapshot of another member has come in place of the log, and is about to be restored. */
  get isToRestore(): boolean {
    const { raft, hasEnded } = this.#parts;
    return this.#isOutdated && !raft.status.bereft && !hasEnded();
  }

  /** Resolves when there is nothing to be restored. */
  async whenRestored(): Promise<void> {
    while (this.isToRestore) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Those who wait look again: something was restored, or will never be. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /**
   * Room is short, and this log is long or old: shortens it as far as nobody is behind by much.
   * @param isUrgent the disk is full: others that lack what goes get a snapshot
   */
  async shorten({ isUrgent }: { readonly isUrgent: boolean }): Promise<void> {
    const { raft, snapshots, limits } = this.#parts;
    const { applied, last } = raft.status;
    const isIdle = last.index === this.#lastSeen;
    this.#lastSeen = last.index;
    const since = applied - (snapshots.latest?.index ?? 0);
    const isWorth = isUrgent || isIdle || since >= limits.snapshotEntries / 4;
    if (!isWorth || applied === 0) return;
    // The reserve was given up for it; nothing is applied meanwhile that would try it again.
    if (isUrgent) this.#refusedAt = -Infinity;
    await this.#tryTo(async () => {
      await this.make();
      if (isUrgent || isIdle) await snapshots.shorten(raft);
    });
  }

  /** Nothing is tried on a disk that had no room, for a while; nor of a state that is outdated. */
  async #tryTo(make: () => Promise<unknown>): Promise<void> {
    const { group, env } = this.#parts;
    if (env.now() - this.#refusedAt < AGAIN_MS || this.#isOutdated) return;
    try {
      await make();
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      this.#refusedAt = env.now();
      env.log.warn({ group }, 'the disk has no room for a snapshot: it is tried again');
    }
  }

  /** The log goes on from a state that is yet to come. */
  get #isOutdated(): boolean {
    const { raft } = this.#parts;
    return raft.appliedIndex < raft.status.base.index;
  }

  async #make(applied: number): Promise<SnapshotInfo> {
    const { group, node, raft, machine, snapshots, limits, feed, hasEnded } = this.#parts;
    const isWitness = raft.configuration.witnesses.includes(node);
    const snapshot = await snapshots.make(raft, applied, isWitness ? undefined : machine);
    if (hasEnded()) throw new GroupClosed(group, 'no');
    await snapshots.adopt(raft, snapshot, limits.keepEntries);
    feed.tell({ kind: 'snapshot', origin: 'made', snapshot: infoOf(snapshot) });
    return infoOf(snapshot);
  }
}
