import type { Command, SnapshotOrigin, SnapshotSource, StateMachine } from '../state-machine.ts';
import type { GroupNumber, News, ToldError } from './orders.ts';
import { packCommands } from './packed.ts';
import { PieceQueue } from './piece-queue.ts';
import { tellError, toldError } from './told-error.ts';
import type { Window } from './window.ts';

export interface FarMachineParts {
  readonly at: GroupNumber;
  readonly name: string | undefined;
  readonly version: number;
  readonly say: (news: News, owned?: Uint8Array) => void;
  readonly window: Window;
}

/**
 * The state machine of a group, as its driver on the thread sees it. What it is told goes to the
 * main loop, in order, and counts as done at once, unless more than the window is on its way: the
 * main loop looks at nothing before it has done what came before. So results stay there, and a
 * command needs one trip in each direction.
 */
export class FarMachine implements StateMachine<undefined> {
  readonly name?: string;
  readonly version: number;
  readonly #parts: FarMachineParts;
  readonly #snapshots = new Map<number, PieceQueue>();
  readonly #restores = new Map<number, (error: ToldError | undefined) => void>();
  #lastId = 0;

  constructor(parts: FarMachineParts) {
    if (parts.name !== undefined) this.name = parts.name;
    this.version = parts.version;
    this.#parts = parts;
  }

  apply(batch: readonly Command[]): readonly undefined[] | Promise<readonly undefined[]> {
    const { at, say, window } = this.#parts;
    const commands = packCommands(batch);
    window.take(commands.length);
    say({ kind: 'apply', at, commands }, commands);
    const results = Array.from(batch, () => undefined);
    return window.isOpen ? results : window.opened().then(() => results);
  }

  snapshot(): SnapshotSource {
    const { at, say } = this.#parts;
    const id = (this.#lastId += 1);
    const pieces = new PieceQueue(() => say({ kind: 'snapshot-more', at, id }));
    this.#snapshots.set(id, pieces);
    say({ kind: 'snapshot', at, id });
    return {
      chunks: () => pieces,
      release: () => {
        if (!this.#snapshots.delete(id)) return; // All of it is there.
        say({ kind: 'snapshot-drop', at, id });
      },
    };
  }

  async restore(
    chunks: AsyncIterable<Uint8Array>,
    { version, index }: SnapshotOrigin,
  ): Promise<void> {
    const { at, say } = this.#parts;
    const id = (this.#lastId += 1);
    const restored = new Promise<ToldError | undefined>((resolve) => {
      this.#restores.set(id, resolve);
    });
    say({ kind: 'restore', at, id, version, index });
    try {
      await this.#sendPieces(id, chunks);
      say({ kind: 'restore-end', at, id, error: undefined });
    } catch (error) {
      say({ kind: 'restore-end', at, id, error: tellError(error) });
      throw error;
    }
    const error = await restored;
    if (error !== undefined) throw toldError(error);
  }

  /** A piece of a snapshot that was asked for has come. */
  piece(id: number, piece: Uint8Array): void {
    this.#snapshots.get(id)?.push(piece);
  }

  /** All of it has come, or no more will. */
  snapshotDone(id: number, error: ToldError | undefined): void {
    this.#snapshots.get(id)?.end(error && toldError(error));
    this.#snapshots.delete(id);
  }

  restored(id: number, error: ToldError | undefined): void {
    this.#restores.get(id)?.(error);
    this.#restores.delete(id);
  }

  /** Nobody answers any more. */
  close(): void {
    const closed = tellError(new Error('the state machine has ended'));
    for (const id of this.#snapshots.keys()) this.snapshotDone(id, closed);
    for (const id of this.#restores.keys()) this.restored(id, closed);
  }

  /** What the machine does not take any more is read all the same, up to the next piece. */
  async #sendPieces(id: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { at, say, window } = this.#parts;
    for await (const chunk of chunks) {
      if (!this.#restores.has(id)) return;
      const piece = new Uint8Array(chunk); // It may be part of something larger.
      window.take(piece.length);
      say({ kind: 'restore-piece', at, id, piece }, piece);
      await window.opened();
    }
  }
}
