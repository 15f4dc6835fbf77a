import type { Cell } from './cell.ts';
import { CallContext, merged, type Origin, type TurnName } from './context.ts';
import { type Envelope, RUNNING } from './envelope.ts';

/** A running turn of this node, as the context of the calls that it makes. */
export class RunningTurn extends CallContext {
  readonly cell: Cell;
  readonly envelope: Envelope;
  origin: Origin | undefined;
  /** Unlike any other of this node's. */
  #id: number;

  /** @param context what the turn's own message came with */
  constructor(cell: Cell, envelope: Envelope, context: CallContext | undefined) {
    // Who has ended waits no more; left in, it would keep all of an endless exchange alive.
    const parent = context?.isWaiting === true ? context : undefined;
    super(parent, (parent?.depth ?? 0) + 1);
    this.cell = cell;
    this.envelope = envelope;
    this.origin = context?.origin;
    this.#id = cell.system.nextTurn();
  }

  get name(): TurnName {
    return { address: this.cell.address, method: this.envelope.method.name, turn: this.#id };
  }

  get isWaiting(): boolean {
    return this.envelope.stage === RUNNING;
  }

  get remainingMs(): number | undefined {
    const dueTick = this.envelope.reply?.dueTick;
    return dueTick === undefined ? undefined : this.cell.system.deadlines.remainingMs(dueTick);
  }

  override with(origin: Origin): RunningTurn {
    const turn = new RunningTurn(this.cell, this.envelope, this.parent);
    turn.origin = merged(this.origin, origin);
    turn.#id = this.#id;
    return turn;
  }
}
