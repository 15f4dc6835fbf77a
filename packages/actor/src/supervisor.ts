import type { Cell } from './cell.ts';
import type { Directive, Supervision } from './supervision.ts';
import type { ActorSystem } from './system.ts';

/** What has gone wrong in an actor. */
export interface Fault {
  /** The method, hook or callback that threw. */
  readonly method: string;
  readonly error: unknown;
  /** The actor cannot go on as it is: it never started, or what it was linked to has failed. */
  readonly isFatal: boolean;
}

/** Carries out a supervision: for the children of one parent, or for actors without one. */
export class Supervisor {
  readonly #system: ActorSystem;
  readonly #supervision: Supervision;
  readonly #parent: Cell | undefined;
  /** When children were restarted, as far back as it counts. */
  #restartedAt: number[] = [];

  constructor(system: ActorSystem, supervision: Supervision, parent: Cell | undefined) {
    this.#system = system;
    this.#supervision = supervision;
    this.#parent = parent;
  }

  childFailed(child: Cell, fault: Fault): void {
    const { method, error } = fault;
    const directive = this.#directive(fault);
    this.#system.failed({ address: child.address, method, error, directive });
    switch (directive) {
      case 'resume':
        return;
      case 'stop':
        void child.stop({ kind: 'failed', error });
        return;
      case 'escalate':
        return this.#escalate(child, error);
      case 'restart':
        return this.#restart(child, error);
    }
  }

  #directive({ error, isFatal }: Fault): Directive {
    let directive: Directive;
    try {
      directive = this.#supervision.decide(error);
    } catch (thrown) {
      this.#system.failed({
        address: this.#parent?.address ?? '',
        method: 'decide',
        error: thrown,
      });
      directive = 'escalate';
    }
    return directive === 'resume' && isFatal ? 'stop' : directive;
  }

  #restart(child: Cell, error: unknown): void {
    const { restarts, withinMs } = this.#supervision;
    const now = this.#system.env.now();
    this.#restartedAt = this.#restartedAt.filter((at) => now - at < withinMs);
    if (this.#restartedAt.length >= restarts) return this.#escalate(child, error);
    this.#restartedAt.push(now);
    const pauseMs = this.#pauseMs();
    for (const cell of this.#concerned(child)) cell.restart(error, pauseMs);
  }

  #pauseMs(): number {
    const { backOff } = this.#supervision;
    if (backOff === undefined) return 0;
    const pauseMs = Math.min(backOff.firstMs * 2 ** (this.#restartedAt.length - 1), backOff.maxMs);
    return pauseMs * (1 - this.#system.env.random() / 2);
  }

  /** In the order they were started in. */
  #concerned(child: Cell): Cell[] {
    const children = this.#parent?.children ?? [child];
    switch (this.#supervision.strategy) {
      case 'one-for-one':
        return [child];
      case 'all-for-one':
        return children;
      case 'rest-for-one':
        return children.slice(children.indexOf(child));
    }
  }

  #escalate(child: Cell, error: unknown): void {
    void child.stop({ kind: 'failed', error });
    this.#parent?.fail({ method: 'supervision', error, isFatal: true });
  }
}
