import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answers, Order, Reply } from './orders.ts';

/** A process that has not ended by then is killed. */
const END_TIMEOUT_MS = 5_000;

/** A node in a process of its own. */
export class NodeProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(name: string) {
    this.name = name;
    const program = fileURLToPath(new URL('./node-process.js', import.meta.url));
    // What it prints goes to stderr: stdout is for the report.
    const stdio: ('ignore' | 'ipc' | number)[] = ['ignore', 2, 2, 'ipc'];
    this.#child = fork(program, { stdio, execArgv: ['--expose-gc'] });
    this.#ended = once(this.#child, 'exit');
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** @throws when the process cannot do what it is told, or ends; orders are carried out in turn */
  tell<K extends Order['kind']>(order: Extract<Order, { kind: K }>): Promise<Answers[K]> {
    const answer = this.#busy.then(() => this.#tell(order));
    this.#busy = answer.catch(() => undefined);
    return answer as Promise<Answers[K]>;
  }

  /** Ends the process, whatever it does. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const tooLate = AbortSignal.timeout(END_TIMEOUT_MS);
    tooLate.addEventListener('abort', () => this.#child.kill('SIGKILL'));
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }

  async #tell(order: Order): Promise<unknown> {
    const ended = this.#ended.then(() => {
      throw new Error(`the process of node ${this.name} has ended`);
    });
    this.#child.send(order);
    const [reply] = (await Promise.race([once(this.#child, 'message'), ended])) as [Reply];
    if (reply.kind === 'done') return reply.result;
    throw new Error(`node ${this.name} failed at '${order.kind}': ${reply.why}`);
  }
}
