/** Microtasks without anything new after which what was gathered leaves. */
const PATIENCE = 6;

/**
 * Lets what is sent one by one leave together. A loop that awaits each send goes on within a few
 * microtasks, so as long as something was added during the last few there may be more to come;
 * after them, it leaves: in much less time than it takes to write to a socket.
 */
export class Gathering {
  readonly #leave: () => void;
  #isDue = false;
  #microtasksLeft = 0;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  /** Something was added; `leave` will be called. */
  added(): void {
    this.#microtasksLeft = PATIENCE;
    if (this.#isDue) return;
    this.#isDue = true;
    void settled.then(this.#step);
  }

  readonly #step = (): void => {
    this.#microtasksLeft -= 1;
    if (this.#microtasksLeft > 0) {
      void settled.then(this.#step);
      return;
    }
    this.#isDue = false;
    this.#leave();
  };
}

const settled = Promise.resolve();
