import type { Cell } from './cell.ts';
import { CallContext, merged, type Origin, type TurnName } from './context.ts';
import type { Expiring } from './deadlines.ts';
import { type Envelope, RUNNING } from './envelope.ts';
import {
  type Age,
  CALLS_MAX,
  isSameTurn,
  pathText,
  type Probe,
  PROBE_MS,
  someOf,
  TURNS_MAX,
  type Waited,
} from './probe.ts';

/**
 * A running turn of this node, as the context of the calls that it makes. While it waits for them
 * it is in the wheel of deadlines, to look for a cycle that it may be part of.
 */
export class RunningTurn extends CallContext implements Expiring {
  wheelNext: Expiring | undefined;
  wheelPrevious: Expiring | undefined;
  dueTick = -1;
  readonly cell: Cell;
  readonly envelope: Envelope;
  origin: Origin | undefined;
  /** Unlike any other of this node's. */
  #id: number;
  #since: number | undefined;
  #firstWaited: Waited | undefined;
  #lastWaitedId = 0;
  /** The turn that this is with more in its baggage. */
  #bare: RunningTurn | undefined;

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

  /** The one object that stands for the turn, whatever its baggage. */
  get turn(): RunningTurn {
    return this.#bare ?? this;
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
    turn.#bare = this.turn;
    return turn;
  }

  /** The turn has made a call. It waits for it until `waitsNoMore`. */
  waitsFor(call: Waited): void {
    if (!this.isWaiting) return;
    const first = this.#firstWaited;
    call.waitedId = this.#lastWaitedId += 1;
    call.nextWaited = first;
    if (first !== undefined) first.previousWaited = call;
    this.#firstWaited = call;
    if (this.dueTick === -1) this.cell.system.deadlines.add(this, PROBE_MS);
  }

  /** Harmless when it never waited. */
  waitsNoMore(call: Waited): void {
    const { nextWaited, previousWaited } = call;
    if (previousWaited !== undefined) previousWaited.nextWaited = nextWaited;
    else if (this.#firstWaited === call) this.#firstWaited = nextWaited;
    if (nextWaited !== undefined) nextWaited.previousWaited = previousWaited;
    call.nextWaited = call.previousWaited = undefined;
  }

  /** The turn is over: what it did not wait for is of no interest to it. */
  ended(): void {
    this.cell.system.deadlines.remove(this);
    for (let call = this.#firstWaited; call !== undefined; call = this.#firstWaited) {
      this.waitsNoMore(call);
    }
  }

  /** Nobody waits for the turn any more, nor for what it waits for itself. */
  cancel(cause: unknown): void {
    for (let call = this.#firstWaited; call !== undefined; call = this.#firstWaited) {
      this.waitsNoMore(call);
      call.cancel(cause);
    }
  }

  /** Some time has passed: does the turn wait for itself? */
  expire(): void {
    if (this.#firstWaited === undefined) return;
    const { name } = this;
    const from: Age = { ...name, since: this.#waitsSince() };
    const probe = { path: [name], from, youngest: undefined, turns: TURNS_MAX };
    for (const call of this.#someWaited(CALLS_MAX)) call.chase({ call: call.waitedId, ...probe });
    this.cell.system.deadlines.add(this, PROBE_MS);
  }

  /**
   * Somebody waits for this turn, and asks what it waits for itself.
   * @param last the call that the probe has come by
   */
  probed(probe: Probe, last: string): void {
    const { name } = this;
    if (isSameTurn(probe.path[0], name)) {
      if (isSameTurn(probe.youngest, name)) this.#break(probe, last);
    } else if (!probe.path.some((turn) => isSameTurn(turn, name))) this.#passOn(probe, name);
  }

  #passOn(probe: Probe, name: TurnName): void {
    const calls = this.#someWaited(probe.turns - 1); // One for this turn.
    const turns = Math.floor((probe.turns - 1) / calls.length);
    const from: Age = { ...name, since: this.#waitsSince() };
    const path = [...probe.path, name];
    for (const call of calls) call.chase({ ...probe, path, from, turns });
  }

  #someWaited(most: number): readonly Waited[] {
    const calls: Waited[] = [];
    for (let call = this.#firstWaited; call !== undefined; call = call.nextWaited) calls.push(call);
    return someOf(calls, most, () => this.cell.system.env.random());
  }

  #break(probe: Probe, last: string): void {
    for (let call = this.#firstWaited; call !== undefined; call = call.nextWaited) {
      if (call.waitedId === probe.call) return call.breakWith(pathText(probe.path, last));
    }
  }

  /** The same at every look, or two turns could each take the other for the younger one. */
  #waitsSince(): number {
    return (this.#since ??= Math.floor(this.cell.system.env.wallTime()));
  }
}
