import type { Env } from '@troupe/actor';

/** Promise callbacks without anything new after which what was gathered leaves. */
const PATIENCE = 6;

/**
 * Lets what is sent one by one leave together: when all promise callbacks have run, a loop that
 * awaits each send included. An `Env` that cannot tell when that is lets a few of them pass by;
 * such a loop goes on within those.
 */
export class Gathering {
  readonly #env: Env;
  readonly #leave: () => void;
  #isDue = false;
  #callbacksLeft = 0;

  constructor(env: Env, leave: () => void) {
    this.#env = env;
    this.#leave = leave;
  }

  /** Something was added; `leave` will be called. */
  added(): void {
    this.#callbacksLeft = PATIENCE;
    if (this.#isDue) return;
    this.#isDue = true;
    if (this.#env.afterPromises !== undefined) this.#env.afterPromises(this.#done);
    else void settled.then(this.#step);
  }

  readonly #step = (): void => {
    this.#callbacksLeft -= 1;
    if (this.#callbacksLeft > 0) void settled.then(this.#step);
    else this.#done();
  };

  readonly #done = (): void => {
    this.#isDue = false;
    this.#leave();
  };
}

const settled = Promise.resolve();
