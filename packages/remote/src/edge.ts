import {
  type ActorSystem,
  type CallError,
  type CallerIdentity,
  type DownReason,
  type IncomingCall,
  type IncomingInterceptor,
  isCallError,
} from '@troupe/actor';
import { type CallContext, intercepted } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';

/** A message as it has come. */
export interface Arrived {
  readonly kind: IncomingCall['kind'];
  /** Address of whom it is for. */
  readonly to: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly context: CallContext | undefined;
  readonly from: CallerIdentity;
}

/** What runs around a message before it is queued, the first outermost. */
export type Edge = readonly IncomingInterceptor[];

/** Lets what is answered in by way of `edge`. @returns its outcome */
export function callThrough(
  edge: Edge,
  arrived: Arrived,
  next: () => Promise<unknown>,
): Promise<unknown> {
  return new Promise((resolve) => resolve(intercepted(edge, incoming(arrived), next)));
}

/** Lets a one-way message in by way of `edge`; what that throws goes to the system's hooks. */
export function tellThrough(
  edge: Edge,
  arrived: Arrived,
  hooks: { readonly next: () => void; readonly refuse: (error: CallError) => void } & {
    readonly system: Pick<ActorSystem, 'failed'>;
  },
): void {
  const call = incoming(arrived);
  const { to, method } = call;
  new Promise((resolve) => resolve(intercepted(edge, call, hooks.next))).catch((error: unknown) => {
    if (isCallError(error)) hooks.refuse(error);
    else hooks.system.failed({ address: to, method, error });
  });
}

/** Monitors that a peer or a client has set, by the numbers that it gave them. */
export class Monitors {
  readonly #set = new Map<number, () => void>();
  readonly #edge: Edge;

  constructor(edge: Edge) {
    this.#edge = edge;
  }

  get size(): number {
    return this.#set.size;
  }

  /**
   * Lets one in by way of the edge.
   * @param monitor sets it, and says how to forget it
   * @param down told once, unless it is forgotten before
   * @throws {BadFrame} when the number is in use: one that replaced another would not be counted
   */
  add(
    id: number,
    arrived: Pick<Arrived, 'to' | 'from'>,
    hooks: {
      readonly monitor: (down: (reason: DownReason) => void) => () => void;
      readonly down: (reason: DownReason) => void;
    },
  ): void {
    if (this.#set.has(id)) throw new BadFrame(`monitor ${id} is in use`);
    const waits = (): void => undefined;
    this.#set.set(id, waits);
    const isWaiting = (): boolean => this.#set.get(id) === waits;
    const down = (reason: DownReason): void => {
      this.#set.delete(id);
      hooks.down(reason);
    };
    const next = async (): Promise<void> => {
      if (!isWaiting()) return;
      const forget = hooks.monitor(down);
      if (isWaiting()) this.#set.set(id, forget); // Or it was down already.
    };
    const call = { kind: 'monitor', method: 'monitor', args: [], context: undefined } as const;
    callThrough(this.#edge, { ...call, ...arrived }, next).then(
      () => isWaiting() && down({ kind: 'no-actor' }),
      (error: unknown) => isWaiting() && down({ kind: 'node-down', error }),
    );
  }

  forget(id: number): void {
    this.#set.get(id)?.();
    this.#set.delete(id);
  }

  clear(): void {
    for (const forget of this.#set.values()) forget();
    this.#set.clear();
  }
}

function incoming(arrived: Arrived): IncomingCall {
  const { kind, to, method, args, context, from } = arrived;
  const { trace, values = {} } = context?.origin ?? {};
  return { kind, to, method, args, from, trace, values };
}
