import type { Env, LogFields } from '@troupe/actor';
import { SparseLog } from '@troupe/actor/internal';

/** Warns of each thing now and then, however often it happens: a peer can make it happen. */
export class SparingLog {
  readonly #env: Env;
  /** By message, of which there are as many as there are places that warn. */
  readonly #lines = new Map<string, SparseLog>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** @param message the same each time; `leftOut` is how often it was not said since */
  warn(fields: LogFields, message: string): void {
    const lines = this.#lines.get(message) ?? new SparseLog(this.#env);
    this.#lines.set(message, lines);
    lines.line((leftOut) => {
      this.#env.log.warn(leftOut === 0 ? fields : { ...fields, leftOut }, message);
    });
  }
}
