import { ActorSystem, type ActorSystemOptions } from '@troupe/actor';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import { type ErrorClass, wireCopy } from '@troupe/remote';

export interface TestSystemOptions extends Omit<ActorSystemOptions, 'env' | 'transparency'> {
  /**
   * `'verify'`: arguments and results go through the codec of the wire, so that a test in one
   * process finds what would break between nodes. `'off'`: they are passed on as they are.
   * Default: `'verify'`.
   */
  readonly transparency?: 'verify' | 'off';
  /** Classes of errors that nodes know, as in `startNode({ errors })`. Default: none. */
  readonly errors?: readonly ErrorClass[];
  /** Of the randomness. Default: 1. */
  readonly seed?: number;
}

/** The actors of one test, in a time of their own: `await system.env.advance(1_000)`. */
export interface TestSystem extends ActorSystem {
  readonly env: VirtualEnv;
}

/** Actors for a test: no network, no waiting, and messages as they would be between nodes. */
export function testSystem(options: TestSystemOptions = {}): TestSystem {
  const { transparency = 'verify', errors = [], seed = 1, ...others } = options;
  const env = virtualEnv(seed);
  const verify = transparency === 'verify' ? { transparency: wireCopy(errors) } : {};
  return new ActorSystem({ ...others, ...verify, env }) as TestSystem;
}
