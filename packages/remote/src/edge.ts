import {
  type ActorSystem,
  type CallError,
  type CallerIdentity,
  type DownReason,
  type IncomingCall,
  type IncomingInterceptor,
  isCallError,
  Overloaded,
} from '@troupe/actor';
import { type CallContext, goesThrough, intercepted } from '@troupe/actor/internal';
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
  return goesThrough((goOn) => intercepted(edge, incoming(arrived), goOn), next);
}

/** What becomes of a one-way message that comes in by way of the edge. */
interface TellHooks {
  readonly next: () => void;
  readonly refuse: (error: CallError) => void;
  readonly system: Pick<ActorSystem, 'failed'>;
}

/** One-way messages of one peer or client on their way through the edge, where they may wait. */
export class TellsAtEdge {
  readonly #edge: Edge;
  readonly #max: number;
  #size = 0;

  constructor(edge: Edge, max: number) {
    this.#edge = edge;
    this.#max = max;
  }

  /** Lets one in; what the edge throws goes to the system's hooks. One too many is refused. */
  add(arrived: Arrived, hooks: TellHooks): void {
    const { to, method } = arrived;
    if (this.#size >= this.#max) {
      return hooks.refuse(new Overloaded(to, 'messages at the edge of its node', this.#max));
    }
    this.#size += 1;
    callThrough(this.#edge, arrived, async () => hooks.next())
      .catch((error: unknown) => {
        if (isCallError(error)) hooks.refuse(error);
        else hooks.system.failed({ address: to, method, error });
      })
      .finally(() => (this.#size -= 1));
  }
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
