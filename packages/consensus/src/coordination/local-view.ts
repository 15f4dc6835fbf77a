import type { Replicated } from '../replicated.ts';
import type { CoordinationMachine } from './coordination-machine.ts';

/**
 * The machine as it is on this node, for who waits until it is otherwise. Who listens is called
 * when all of a batch is applied, never in the middle of a command.
 */
export class LocalView {
  #machine!: CoordinationMachine; // The first instance is there at once.
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #news = new Set<string>();
  readonly #endInstances: () => void;
  #endListening: (() => void) | undefined;
  #closed: Error | undefined;

  constructor(replicated: Replicated<CoordinationMachine>) {
    this.#endInstances = replicated['~troupe/instances']((machine) => {
      this.#endListening?.();
      this.#machine = machine;
      this.#endListening = machine['~troupe/listen']((topic) => this.#changed(topic));
      for (const topic of this.#listeners.keys()) this.#changed(topic); // A snapshot: who knows.
    });
  }

  get machine(): CoordinationMachine {
    return this.#machine;
  }

  /** @returns ends it */
  on(topic: string, run: () => void): () => void {
    const runs = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, runs.add(run));
    return () => {
      runs.delete(run);
      if (runs.size === 0 && this.#listeners.get(topic) === runs) this.#listeners.delete(topic);
    };
  }

  /**
   * Waits until `find` finds something, which it is asked for now and whenever `topic` changes.
   * @throws what `find` throws, what the view was closed with, and the reason of `signal`
   */
  until<T>(
    topic: string,
    find: (machine: CoordinationMachine) => T | undefined,
    signal: AbortSignal,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = (settle: () => void): void => {
        forget();
        signal.removeEventListener('abort', look);
        settle();
      };
      const look = (): void => {
        try {
          if (this.#closed !== undefined) throw this.#closed;
          signal.throwIfAborted();
          const found = find(this.#machine);
          if (found !== undefined) end(() => resolve(found));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const forget = this.on(topic, look);
      signal.addEventListener('abort', look);
      look();
    });
  }

  close(error: Error): void {
    this.#closed ??= error;
    this.#endListening?.();
    this.#endInstances();
    for (const runs of this.#listeners.values()) for (const run of runs) run();
  }

  #changed(topic: string): void {
    if (!this.#listeners.has(topic)) return;
    if (this.#news.size === 0) queueMicrotask(() => this.#tell());
    this.#news.add(topic);
  }

  #tell(): void {
    const news = [...this.#news];
    this.#news.clear();
    for (const topic of news) {
      for (const run of this.#listeners.get(topic) ?? []) run();
    }
  }
}
