import {
  type ActorSystem,
  type CallError,
  type CallerIdentity,
  type IncomingCall,
  type IncomingInterceptor,
  isCallError,
} from '@troupe/actor';
import { type CallContext, intercepted } from '@troupe/actor/internal';

/** A message as it has come. */
export interface Arrived {
  /** Address of whom it is for. */
  readonly to: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly context: CallContext | undefined;
  readonly from: CallerIdentity;
}

/** What runs around a message before it is queued, the first outermost. */
export type Edge = readonly IncomingInterceptor[];

/** Lets a call in by way of `edge`. @returns its outcome */
export function callThrough(
  edge: Edge,
  arrived: Arrived,
  next: () => Promise<unknown>,
): Promise<unknown> {
  return new Promise((resolve) => resolve(intercepted(edge, incoming('call', arrived), next)));
}

/** Lets a one-way message in by way of `edge`; what that throws goes to the system's hooks. */
export function tellThrough(
  edge: Edge,
  arrived: Arrived,
  hooks: { readonly next: () => void; readonly refuse: (error: CallError) => void } & {
    readonly system: Pick<ActorSystem, 'failed'>;
  },
): void {
  const call = incoming('tell', arrived);
  const { to, method } = call;
  new Promise((resolve) => resolve(intercepted(edge, call, hooks.next))).catch((error: unknown) => {
    if (isCallError(error)) hooks.refuse(error);
    else hooks.system.failed({ address: to, method, error });
  });
}

function incoming(kind: IncomingCall['kind'], arrived: Arrived): IncomingCall {
  const { to, method, args, context, from } = arrived;
  const { trace, values = {} } = context?.origin ?? {};
  return { kind, to, method, args, from, trace, values };
}
