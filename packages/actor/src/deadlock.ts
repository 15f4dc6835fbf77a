import type { Cell } from './cell.ts';
import { type CallContext, wordsOf } from './context.ts';
import { type Envelope, RUNNING } from './envelope.ts';
import { INTERLEAVE, READONLY, type Sharing } from './method.ts';
import { onwards, type Probe, someOf } from './probe.ts';
import { RunningTurn } from './turn.ts';

/** How a call stands to the turns of its own actor that wait for it. */
export type OwnTurns =
  /** None does. */
  | 'none'
  /** They let it in, so that it must not queue behind what waits for them. */
  | 'let-in'
  /** It could never begin. */
  | 'block';

/** @param sharing that of the method that `context` is about to call on `cell` */
export function ownTurns(cell: Cell, sharing: Sharing, context: CallContext): OwnTurns {
  let own: OwnTurns = 'none';
  for (let link = context as CallContext | undefined; link?.isWaiting; link = link.parent) {
    const turn = turnOf(cell, link);
    if (turn === undefined || turn === INTERLEAVE) continue;
    if (sharing === INTERLEAVE || (sharing === READONLY && turn === READONLY)) own = 'let-in';
    else return 'block';
  }
  return own;
}

/** A waiting call to `cell` is `envelope`: asks whatever that waits for in its turn. */
export function chase(cell: Cell, envelope: Envelope, probe: Probe): void {
  const hasBegun = envelope.stage === RUNNING;
  const next = onwards(probe, hasBegun);
  if (next === undefined) return;
  const last = `${cell.address}.${envelope.method.name}`;
  const turns: RunningTurn[] = [];
  for (const { context } of hasBegun ? [envelope] : cell.turns()) {
    if (context instanceof RunningTurn && context.cell === cell) turns.push(context);
  }
  const asked = someOf(turns, next.turns, () => cell.system.env.random());
  const share = { ...next, turns: Math.floor(next.turns / asked.length) };
  for (const turn of asked) turn.probed(share, last);
}

/** `a.f → b.g → a.h` */
export function cycleText(context: CallContext, address: string, method: string): string {
  return [...context.chain().map(wordsOf), `${address}.${method}`].join(' → ');
}

/** @returns how the turn of `link` is shared when it is one of `cell` that still runs */
function turnOf(cell: Cell, link: CallContext): Sharing | undefined {
  if (link instanceof RunningTurn) {
    return link.cell === cell ? link.envelope.method.sharing : undefined;
  }
  // The turn is known by name only: it has been to another node and back.
  const { name } = link;
  if (name === undefined || name.address !== cell.address) return undefined;
  for (const { context, method } of cell.turns()) {
    if (context instanceof RunningTurn && context.name.turn === name.turn) return method.sharing;
  }
  return undefined;
}
