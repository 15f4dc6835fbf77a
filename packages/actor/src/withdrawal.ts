import type { Cell } from './cell.ts';
import { DONE, type Envelope, QUEUED } from './envelope.ts';
import { ActorDown } from './errors.ts';
import { RunningTurn } from './turn.ts';

/** Takes back a message that has not begun. @returns whether that could be done */
export function takeBack(cell: Cell, envelope: Envelope): boolean {
  if (envelope.stage !== QUEUED) return false;
  envelope.stage = DONE;
  envelope.mailbox?.remove(envelope);
  cell.admitWaiting();
  return true;
}

/**
 * The caller waits no longer: the message is taken back, or else its method is told by its signal,
 * and the calls that its turn waits for are cancelled likewise, on whichever node they are.
 * @returns whether the method may have run
 */
export function withdraw(cell: Cell, envelope: Envelope, reason: unknown): 'no' | 'unknown' {
  if (takeBack(cell, envelope)) return 'no';
  envelope.abort?.abort(reason);
  const { context } = envelope;
  if (context instanceof RunningTurn && context.envelope === envelope) context.turn.cancel(reason);
  return 'unknown';
}

/**
 * The actor is about to end, and what runs is told so by its signal.
 * @param spares leaves messages in peace: only what would go on for longer, as streams do, is told
 */
export function hurry(cell: Cell, spares: 'nothing' | 'messages' = 'nothing'): void {
  for (const { method, abort } of cell.turns()) {
    const isMessage = cell.definition.methods.get(method.name) === method;
    if (spares === 'nothing' || !isMessage) abort?.abort(new ActorDown(cell.address, 'unknown'));
  }
}

/**
 * The caller's time is over. The calls of its turn need not be told: none has more time than that,
 * and each says by its own deadline that it has passed.
 * @returns whether the method may have run
 */
export function expire(cell: Cell, envelope: Envelope): 'no' | 'unknown' {
  if (takeBack(cell, envelope)) return 'no';
  envelope.abort?.abort(new DOMException('the deadline has passed', 'TimeoutError'));
  return 'unknown';
}
