import type { MessagePort } from 'node:worker_threads';

/** One end of the way between the main loop and the thread; what is sent arrives in order. */
export interface Way<Out, In> {
  /** @param owned memory in `batch` that is given away, and not copied */
  send(batch: readonly Out[], owned: readonly ArrayBuffer[]): void;
  receive(handler: (batch: readonly In[]) => void): void;
}

export function wayOf<Out, In>(port: MessagePort): Way<Out, In> {
  return {
    send: (batch, owned) => port.postMessage(batch, [...owned]),
    receive: (handler) => void port.on('message', handler),
  };
}

/** Collects what is said in a turn, and sends it as one message. */
export class Mail<Out> {
  readonly #way: Pick<Way<Out, never>, 'send'>;
  readonly #schedule: (flush: () => void) => void;
  #batch: Out[] = [];
  #owned: ArrayBuffer[] = [];
  #last: (() => void)[] = [];
  #isDue = false;

  /** @param schedule calls `flush` when the turn is over */
  constructor(way: Pick<Way<Out, never>, 'send'>, schedule: (flush: () => void) => void) {
    this.#way = way;
    this.#schedule = schedule;
  }

  /** @param bytes whose memory is given away with it; nobody else may refer to it */
  say(word: Out, bytes?: Uint8Array | Float64Array): void {
    this.#batch.push(word);
    if (bytes !== undefined) this.#owned.push(bytes.buffer as ArrayBuffer); // It was made here.
    this.#due();
  }

  /** Calls `run`, which has more to say, when the turn is over. */
  atLast(run: () => void): void {
    this.#last.push(run);
    this.#due();
  }

  #due(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#schedule(() => this.#flush());
  }

  #flush(): void {
    for (const run of this.#last.splice(0)) run();
    this.#isDue = false;
    if (this.#batch.length === 0) return;
    const [batch, owned] = [this.#batch, this.#owned];
    this.#batch = [];
    this.#owned = [];
    this.#way.send(batch, owned);
  }
}
