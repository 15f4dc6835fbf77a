import type { Env, LogFields } from '@troupe/actor';

/** How long the same is not said again. */
const PAUSE_MS = 10_000;

interface Said {
  at: number;
  leftOut: number;
}

/** Warns of each thing now and then, however often it happens: a peer can make it happen. */
export class SparingLog {
  readonly #env: Env;
  /** By message, of which there are as many as there are places that warn. */
  readonly #said = new Map<string, Said>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** @param message the same each time; `leftOut` is how often it was not said since */
  warn(fields: LogFields, message: string): void {
    const now = this.#env.now();
    const said = this.#said.get(message);
    if (said !== undefined && now - said.at < PAUSE_MS) {
      said.leftOut += 1;
      return;
    }
    this.#said.set(message, { at: now, leftOut: 0 });
    const leftOut = said?.leftOut ?? 0;
    this.#env.log.warn(leftOut === 0 ? fields : { ...fields, leftOut }, message);
  }
}
