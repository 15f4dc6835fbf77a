import type { Model } from './linearizability.ts';

export type RegisterInput =
  | { readonly kind: 'read'; readonly key: string }
  | { readonly kind: 'write'; readonly key: string; readonly value: unknown }
  | {
      readonly kind: 'cas';
      readonly key: string;
      readonly from: unknown;
      readonly to: unknown;
    };

/**
 * Registers by key, at first undefined. A read returns `{ value }`, a write `{}`, and a
 * compare-and-set whether it took effect as `{ swapped }`.
 */
export function registers(): Model<
  unknown,
  RegisterInput,
  { readonly value?: unknown; readonly swapped?: boolean }
> {
  return {
    // An object, since undefined is how a step says that it is impossible.
    initial: { value: undefined },
    step(state, input, output) {
      const { value } = state as { value: unknown };
      switch (input.kind) {
        case 'read':
          return output === undefined || output.value === value ? state : undefined;
        case 'write':
          return { value: input.value };
        case 'cas': {
          const swapped = value === input.from;
          if (output !== undefined && output.swapped !== swapped) return undefined;
          return swapped ? { value: input.to } : state;
        }
      }
    },
    describe: (state) => JSON.stringify(state),
    key: ({ key }) => key,
  };
}

export type ListInput =
  | { readonly kind: 'append'; readonly key: string; readonly value: string | number }
  | { readonly kind: 'read'; readonly key: string };

/** Lists by key, at first empty: an append returns anything, a read the whole list. */
export function lists(): Model<readonly unknown[], ListInput, readonly unknown[] | null> {
  return {
    initial: [],
    step(state, input, output) {
      if (input.kind === 'append') return [...state, input.value];
      if (output === undefined) return state;
      const isSame = output?.length === state.length && state.every((v, i) => v === output[i]);
      return isSame ? state : undefined;
    },
    describe: (state) => JSON.stringify(state),
    key: ({ key }) => key,
  };
}

export type LockInput =
  | { readonly kind: 'acquire'; readonly lock: string; readonly by: string }
  | { readonly kind: 'release'; readonly lock: string; readonly by: string };

interface LockState {
  readonly holder: string | undefined;
  readonly token: number;
}

/**
 * Locks by name. An acquire returns its fencing token, greater than all before it, or null when
 * the lock was held; a release returns whether the lock was held by the one who released it.
 */
export function locks(): Model<LockState, LockInput, number | boolean | null> {
  return {
    initial: { holder: undefined, token: 0 },
    step(state, { kind, by }, output) {
      if (kind === 'release') {
        const held = state.holder === by;
        if (output !== undefined && output !== held) return undefined;
        return held ? { ...state, holder: undefined } : state;
      }
      if (output === undefined) {
        // It may have been refused or granted; granted is what restricts the others.
        return state.holder === undefined ? { holder: by, token: state.token } : state;
      }
      if (output === null) return state.holder === undefined ? undefined : state;
      if (state.holder !== undefined || typeof output !== 'number') return undefined;
      return output > state.token ? { holder: by, token: output } : undefined;
    },
    describe: ({ holder, token }) => `${holder ?? ''} ${token}`,
    key: ({ lock }) => lock,
  };
}
