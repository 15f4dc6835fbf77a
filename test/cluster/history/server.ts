import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Begin, Order, Word } from './words.ts';

const program = fileURLToPath(new URL('./server-process.js', import.meta.url));

/** For a server to stop in good order, though it may stand still for a while, and be alone. */
const LEAVE_MS = 30_000;

type OrderBody = Order extends infer O ? (O extends Order ? Omit<O, 'id'> : never) : never;

/** What came of an order: a value, or an error that says whether it was executed. */
export type Reply =
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly executed: 'no' | 'unknown'; readonly code: string };

export interface Watcher {
  listens(address: string): void;
  leader(leader: string | undefined, epoch: number): void;
  /** Something is wrong with it, or it ended, and nobody has made it. */
  failed(why: string): void;
}

/** One life of a server: a process that ends by being killed, or told to stop. */
export class Server {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #watcher: Watcher;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #orders = 0;
  #why: string | undefined;
  #isKilled = false;
  /** Where it listens, once it does. */
  address: string | undefined;
  isStopped = false;
  #isLeaving = false;
  hasEnded = false;
  /** It ended in good order. */
  hasLeft = false;

  constructor(begin: Begin, watcher: Watcher) {
    this.name = begin.name;
    this.#watcher = watcher;
    const stdio: ('ignore' | 'ipc' | number)[] = ['ignore', 2, 2, 'ipc'];
    this.#child = fork(program, [JSON.stringify(begin)], { stdio });
    this.#child.on('message', (word: Word) => this.#hear(word));
    this.#child.on('error', () => {}); // Of messages to a process that has just been killed.
    this.#child.on('exit', (code, signal) => {
      this.hasLeft = this.#isLeaving && code === 0;
      this.#onExit(signal ?? `exit code ${code}`);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** It takes orders, as far as anybody can see. */
  get isUp(): boolean {
    const isAsked = this.#isKilled || this.#isLeaving;
    return this.address !== undefined && !isAsked && !this.hasEnded;
  }

  /**
   * Asks, and waits for so long: an order that is not answered by then, or whose server is killed,
   * may have been carried out.
   */
  ask(order: OrderBody, patienceMs: number): Promise<Reply> {
    const id = (this.#orders += 1);
    return new Promise((resolve) => {
      const fail = (code: string): void => settle({ kind: 'failed', executed: 'unknown', code });
      const timer = setTimeout(() => fail('NO_ANSWER'), patienceMs);
      const settle = (reply: Reply): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(reply);
      };
      this.#waiting.set(id, settle);
      if (this.isUp) this.#child.send({ ...order, id }, () => {}); // How it ends says the exit.
      else settle({ kind: 'failed', executed: 'no', code: 'NOT_UP' });
    });
  }

  stop(): void {
    this.isStopped = true;
    this.#child.kill('SIGSTOP');
  }

  goOn(): void {
    this.isStopped = false;
    this.#child.kill('SIGCONT');
  }

  kill(): void {
    this.#isKilled = true;
    this.#child.kill('SIGKILL'); // One that stands still ends too.
  }

  /** Tells it to stop in good order, and waits until it is gone. */
  async leave(handsOver: boolean): Promise<void> {
    if (this.hasEnded) return;
    this.#isLeaving = true;
    const exit = once(this.#child, 'exit');
    this.#child.send({ kind: 'leave', id: 0, handsOver } satisfies Order, () => {});
    const late = setTimeout(() => {
      this.#watcher.failed(`it was told to stop, and has not ended within ${LEAVE_MS} ms`);
      this.kill();
    }, LEAVE_MS);
    await exit;
    clearTimeout(late);
  }

  /** Kills it, and waits until it is gone. */
  async end(): Promise<void> {
    this.kill();
    if (!this.hasEnded) await once(this.#child, 'exit');
  }

  #hear(word: Word): void {
    switch (word.kind) {
      case 'listens':
        this.address = word.address;
        return this.#watcher.listens(word.address);
      case 'leader':
        return this.#watcher.leader(word.leader, word.epoch);
      case 'trouble':
        return this.#watcher.failed(`it says: ${word.why}`);
      case 'fatal':
        this.#why = word.why;
        return;
      case 'done':
      case 'failed':
        return this.#settle(word);
    }
  }

  #settle(answer: Answer): void {
    this.#waiting.get(answer.id)?.(answer);
  }

  #onExit(how: string): void {
    this.hasEnded = true;
    for (const settle of this.#waiting.values()) {
      settle({ kind: 'failed', executed: 'unknown', code: 'ENDED' });
    }
    const isMeant = this.#isKilled || this.hasLeft;
    if (!isMeant || this.#why !== undefined) {
      this.#watcher.failed(`it ended by itself: ${this.#why ?? how}`);
    }
  }
}
