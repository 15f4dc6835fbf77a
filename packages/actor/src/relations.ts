import type { Actor } from './actor.ts';
import type { Caller } from './caller.ts';
import type { CallerIdentity } from './caller-identity.ts';
import type { Cell } from './cell.ts';
import type { ActorClass } from './definition.ts';
import type { Envelope } from './envelope.ts';
import type { Links } from './link.ts';
import type { Stash } from './stash.ts';
import type { Down, DownReason, Recipient } from './recipient.ts';
import type { AnyRef } from './ref.ts';
import type { IdleWatch } from './idle-watch.ts';
import type { Supervisor } from './supervisor.ts';

/** What few actors need, kept apart so that an idle actor stays small. */
export class Relations {
  /** Of an entity. */
  key: string | undefined;
  parent: Cell | undefined;
  readonly children: Set<Cell> = new Set();
  readonly monitors: Set<(down: Down) => void> = new Set();
  /** Undone when this actor is down or restarted: monitors it holds, timers, goroutines. */
  readonly belongings: Set<() => void> = new Set();
  /** Set once a stop was asked for. */
  reason: DownReason | undefined;
  readonly stopped: (() => void)[] = [];
  /** The sender of all references that are bound to this actor, and those references. */
  caller: Caller | undefined;
  known: WeakMap<Recipient, AnyRef> | undefined;
  /** How to make the actor anew; only of one that may be restarted. */
  recipe: { readonly target: ActorClass; readonly args: readonly unknown[] } | undefined;
  /** Of the children. */
  supervisor: Supervisor | undefined;
  restart: { readonly error: unknown; readonly pauseMs: number } | undefined;
  /** The instance has been told that it stops. */
  isDismissed = false;
  /** What `become` put in the place of methods. */
  behaviour: Readonly<Record<string, unknown>> | undefined;
  idle: IdleWatch | undefined;
  links: Links | undefined;
  /** Whom one-way messages come from, those of other nodes and of clients. */
  senders: WeakMap<Envelope, CallerIdentity> | undefined;
  /** Messages that wait for `unstashAll`. */
  stash: Stash | undefined;

  /** This instance is to end. */
  get isLeaving(): boolean {
    return this.reason !== undefined || this.restart !== undefined;
  }

  monitor(onDown: (down: Down) => void): () => void {
    // Of its own identity, since one function may monitor twice.
    const monitor = (down: Down): void => onDown(down);
    this.monitors.add(monitor);
    return () => this.monitors.delete(monitor);
  }

  /** Children go first, then the instance is told, then all that belongs to it is undone. */
  async dismiss(actor: Actor, reason: DownReason): Promise<void> {
    if (this.isDismissed) return;
    this.isDismissed = true;
    await Promise.all([...this.children].map((child) => child.stop()));
    try {
      await actor.stopping?.(reason);
    } finally {
      this.undo();
      this.behaviour = undefined;
    }
  }

  undo(): void {
    for (const undo of this.belongings) undo();
    this.belongings.clear();
  }

  /** The actor is down: all who wait for that learn it, once. */
  tell(down: Down): void {
    for (const monitor of this.monitors) monitor(down);
    this.monitors.clear();
    for (const resolve of this.stopped) resolve();
  }
}
