import type { ConsensusEvent } from './consensus.ts';

/**
 * Tells events to any number of readers, each at its own pace. What a reader has not taken yet is
 * replaced by newer news of the same thing, so that it holds no more than there are things.
 */
export class Feed {
  readonly #readers = new Set<Reader>();
  /** The latest of what a reader has to know first. */
  readonly #present = new Map<string, ConsensusEvent>();
  #closed = false;

  tell(event: ConsensusEvent): void {
    if (event.kind === 'leader' || event.kind === 'members' || event.kind === 'fatal') {
      this.#present.set(event.kind, event);
    }
    for (const reader of this.#readers) reader.push(event);
  }

  close(): void {
    this.#closed = true;
    for (const reader of this.#readers) reader.end();
  }

  async *read(signal: AbortSignal): AsyncGenerator<ConsensusEvent, void, void> {
    const reader = new Reader(this.#present.values());
    const end = (): void => reader.end();
    this.#readers.add(reader);
    signal.addEventListener('abort', end);
    if (signal.aborted || this.#closed) reader.end();
    try {
      for (;;) {
        const event = reader.take();
        if (event !== undefined) yield event;
        else if (reader.hasEnded) return;
        else await reader.news();
      }
    } finally {
      this.#readers.delete(reader);
      signal.removeEventListener('abort', end);
    }
  }
}

class Reader {
  readonly #waiting = new Map<string, ConsensusEvent>();
  #wake: (() => void) | undefined;
  hasEnded = false;

  constructor(present: Iterable<ConsensusEvent>) {
    for (const event of present) this.push(event);
  }

  push(event: ConsensusEvent): void {
    if (this.hasEnded) return;
    const about = event.kind === 'lag' ? `lag ${event.node}` : event.kind;
    this.#waiting.delete(about); // What happened last comes last.
    this.#waiting.set(about, event);
    this.#wake?.();
  }

  end(): void {
    this.hasEnded = true;
    this.#wake?.();
  }

  take(): ConsensusEvent | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    this.#waiting.delete(first[0]);
    return first[1];
  }

  news(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
