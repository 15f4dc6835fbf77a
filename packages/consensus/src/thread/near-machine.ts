import { errorOf } from '@troupe/actor/internal';
import { type Command, refuseOtherCount, type StateMachine } from '../state-machine.ts';
import type { GroupNumber, News, Order } from './orders.ts';
import { unpackCommands } from './packed.ts';
import { PieceQueue } from './piece-queue.ts';
import { Results } from './results.ts';
import { sendSnapshot, type Sending } from './snapshot-sending.ts';
import { tellError, toldError } from './told-error.ts';

/** What is done with the machine one after the other, as the thread has told it. */
export type Step =
  | (News & { readonly kind: 'apply' | 'applied' | 'snapshot' | 'restore' })
  /** What may be looked at when all before it is done. */
  | { readonly kind: 'look'; readonly look: () => void };

export interface NearMachineParts<R> {
  readonly at: GroupNumber;
  readonly machine: StateMachine<R>;
  readonly say: (order: Order, owned?: Uint8Array) => void;
  /** So many bytes that have come from the thread are done with. */
  readonly taken: (bytes: number) => void;
  /** It has thrown: there is no state to go on with. */
  readonly failed: (error: Error) => void;
}

/** The state machine of a group where it lives: on the main loop, driven by the thread. */
export class NearMachine<R> {
  readonly results: Results<R> = new Results();
  /** Whether somebody waits for results. */
  wantsResults = false;
  readonly #parts: NearMachineParts<R>;
  readonly #sendings = new Map<number, Sending>();
  readonly #restores = new Map<number, PieceQueue>();
  #steps: Step[] = [];
  #applied = 0;
  /** The commands that are being applied. */
  #doing: Uint8Array | undefined;
  #isBusy = false;
  #hasEnded = false;

  constructor(parts: NearMachineParts<R>) {
    this.#parts = parts;
  }

  /** The last index that is applied here. */
  get applied(): number {
    return this.#applied;
  }

  next(step: Step): void {
    if (this.#hasEnded) return this.#drop(step);
    if (step.kind === 'restore') this.#restores.set(step.id, new PieceQueue(this.#taken));
    this.#steps.push(step);
    this.#run();
  }

  restorePiece(id: number, piece: Uint8Array): void {
    const pieces = this.#restores.get(id);
    if (pieces === undefined) this.#taken(piece);
    else pieces.push(piece);
  }

  restoreEnd({ id, error }: News & { readonly kind: 'restore-end' }): void {
    this.#restores.get(id)?.end(error && toldError(error));
  }

  /** The thread has read a piece of a snapshot that is being sent. */
  snapshotMore(id: number): void {
    this.#sendings.get(id)?.more();
  }

  snapshotDrop(id: number): void {
    this.#sendings.get(id)?.drop();
  }

  /** Nothing more is done with the machine; what it is at comes to an end. */
  end(): void {
    this.#hasEnded = true;
    this.#done();
    for (const step of this.#steps.splice(0)) this.#drop(step);
    for (const sending of this.#sendings.values()) sending.drop();
    for (const pieces of this.#restores.values()) pieces.end(new Error('the group has ended'));
    this.results.clear();
  }

  readonly #taken = ({ length }: Uint8Array): void => this.#parts.taken(length);

  /** Or what is on its way for nobody would be in the way of other groups. */
  #drop(step: Step): void {
    if (step.kind === 'apply') this.#taken(step.commands);
    if (step.kind !== 'restore') return;
    this.#restores.get(step.id)?.discard();
    this.#restores.delete(step.id);
  }

  #run(): void {
    while (!this.#isBusy && !this.#hasEnded) {
      const step = this.#steps.shift();
      if (step === undefined) return;
      try {
        const doing = this.#do(step);
        if (doing !== undefined) this.#wait(doing);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #wait(doing: Promise<void>): void {
    this.#isBusy = true;
    doing
      .then(() => {
        this.#isBusy = false;
        this.#run();
      })
      .catch((error: unknown) => this.#fail(error));
  }

  /** @returns what has to end before the next step */
  #do(step: Step): Promise<void> | undefined {
    switch (step.kind) {
      case 'apply':
        return this.#apply(step.commands);
      case 'applied':
        this.#applied = Math.max(this.#applied, step.index);
        return undefined;
      case 'snapshot':
        this.#sendSnapshot(step.id);
        return undefined;
      case 'restore':
        return this.#restore(step);
      case 'look':
        step.look();
        return undefined;
    }
  }

  #apply(packed: Uint8Array): Promise<void> | undefined {
    const commands = unpackCommands(packed);
    this.#doing = packed;
    const results = this.#parts.machine.apply(commands);
    if (!(results instanceof Promise)) return this.#keep(commands, results);
    return results.then((awaited) => this.#keep(commands, awaited));
  }

  #keep(commands: readonly Command[], results: readonly R[]): undefined {
    this.#done();
    refuseOtherCount(results, commands.length);
    if (this.wantsResults) this.results.add(commands, results);
    this.#applied = Math.max(this.#applied, commands.at(-1)?.index ?? 0);
  }

  /** Nothing is being applied any more, or nobody waits for it. */
  #done(): void {
    if (this.#doing !== undefined) this.#taken(this.#doing);
    this.#doing = undefined;
  }

  /** Takes hold of the state now; it is read and sent while commands go on being applied. */
  #sendSnapshot(id: number): void {
    const { at, machine, say } = this.#parts;
    const sending = sendSnapshot(machine.snapshot(), (piece) => {
      say({ kind: 'snapshot-piece', at, id, piece }, piece);
    });
    this.#sendings.set(id, sending);
    const done = (error?: unknown): void => {
      this.#sendings.delete(id);
      const told = error === undefined ? undefined : tellError(error);
      say({ kind: 'snapshot-done', at, id, error: told });
    };
    sending.done.then(() => done(), done);
  }

  async #restore({ id, version, index }: News & { readonly kind: 'restore' }): Promise<void> {
    const { at, machine, say } = this.#parts;
    const pieces = this.#restores.get(id) ?? new PieceQueue(this.#taken);
    try {
      await machine.restore(pieces, { version, index });
      this.#applied = index;
      say({ kind: 'restored', at, id, error: undefined });
    } catch (error) {
      say({ kind: 'restored', at, id, error: tellError(error) });
      throw error;
    } finally {
      this.#restores.delete(id);
      pieces.discard();
    }
  }

  #fail(cause: unknown): void {
    if (this.#hasEnded) return;
    this.#parts.failed(errorOf(cause));
  }
}
