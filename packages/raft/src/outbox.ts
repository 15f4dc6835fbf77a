import type { NodeId } from './entry.ts';
import type { Message } from './message.ts';
import type { State } from './state.ts';

/** `Omit` for each member of a union. */
type Unaddressed<M> = M extends Message ? Omit<M, 'from' | 'term'> & { term?: number } : never;

/** Sends what does no harm if this node forgets, the next moment, that it has sent it. */
export function send(self: State, message: Unaddressed<Message>): void {
  if (self.out.messages.length >= self.settings.messagesMax) return; // As a network would lose it.
  self.out.messages.push({ from: self.id, term: self.term, ...message });
}

/**
 * Sends what is a promise: a vote, a candidacy, an acknowledgement. It leaves when everything that
 * this node knew when it made the promise is on disk.
 */
export function promise(self: State, message: Unaddressed<Message>): void {
  if (isDurable(self)) return send(self, message);
  const { messages } = self.disk;
  if (messages.length >= self.settings.messagesMax) return;
  messages.push({ from: self.id, term: self.term, ...message });
}

/** Whether the disk holds all that this node knows, but for the commit index. */
function isDurable({ disk, term, votedFor, log }: State): boolean {
  return (
    disk.pending.length === 0 &&
    disk.messages.length === 0 &&
    disk.installing === undefined &&
    disk.unsavedFrom > log.last &&
    disk.hardState.term === term &&
    disk.hardState.votedFor === votedFor
  );
}

/** Tells somebody who lives in an earlier term that it is over. */
export function sendStaleTerm(self: State, to: NodeId): void {
  send(self, { type: 'stale-term', to });
}
