import { writeFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { Actor, actor, type ActorRef, rpc } from 'troupe';

/** What a worker cannot stand. */
export class Unbearable extends Error {
  override readonly name = 'Unbearable';
}

/** Computes, and says where; hurts its thread when it is asked to. */
@actor({ kind: 'cruncher' })
export class Cruncher extends Actor {
  readonly #base: number;
  constructor(base = 0) {
    super();
    this.#base = base;
  }
  /** Adds up 1 … n without giving way to anybody. */
  @rpc sum(n: number): number {
    let sum = this.#base;
    for (let i = 1; i <= n; i += 1) sum += i;
    return sum;
  }
  /** Blocks its thread for so many milliseconds; makes `file` first, if it is to. */
  @rpc block(durationMs: number, file?: string): void {
    if (file !== undefined) writeFileSync(file, 'begun');
    const end = Date.now() + durationMs;
    while (Date.now() < end);
  }
  @rpc thread(): number {
    return threadId;
  }
  /** Calls another actor so many times, one call after the other, and makes `file` at the end. */
  @rpc async chat(other: ActorRef<Cruncher>, calls: number, file: string): Promise<void> {
    for (let i = 0; i < calls; i += 1) await other.thread();
    writeFileSync(file, 'done');
  }
  @rpc never(): Promise<void> {
    return new Promise(() => {});
  }
  @rpc refuse(): void {
    throw new Unbearable('no more');
  }
  @rpc exit(): void {
    process.exit(3);
  }
  @rpc crash(): void {
    setImmediate(() => {
      throw new Error('out of its mind');
    });
  }
  @rpc fill(bytes: number): Uint8Array {
    return new Uint8Array(bytes).fill(7);
  }
}
