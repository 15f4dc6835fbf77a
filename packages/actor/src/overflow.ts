import type { Definition } from './definition.ts';
import { DONE, type Envelope } from './envelope.ts';
import type { Lanes } from './lanes.ts';
import type { Mailbox } from './mailbox.ts';

/** What became of a message for which the mailbox had no room. */
export type Overflow =
  | { readonly kind: 'refused' }
  /** It takes its place later. */
  | { readonly kind: 'waits' }
  /** `oldest` has made room for it. */
  | { readonly kind: 'replaced'; readonly oldest: Envelope };

const refused: Overflow = { kind: 'refused' };

export function overflow(
  { mailboxCapacity, whenFull, methods }: Definition,
  envelope: Envelope,
  { mailbox, lanes }: { readonly mailbox: Mailbox; readonly lanes: Lanes | undefined },
): Overflow {
  if (whenFull === 'refuse') return refused;
  if (whenFull === 'wait') {
    // Nobody waits for a tell, and none may wait without end.
    if (lanes === undefined || envelope.reply === undefined) return refused;
    if (lanes.waiting.size >= mailboxCapacity) return refused;
    lanes.waiting.push(envelope);
    return { kind: 'waits' };
  }
  let oldest = mailbox.first;
  // Hooks and notices are the runtime's, and are not dropped.
  while (oldest !== undefined && methods.get(oldest.method.name) !== oldest.method) {
    oldest = oldest.next;
  }
  if (oldest === undefined) return refused;
  oldest.stage = DONE;
  mailbox.remove(oldest);
  return { kind: 'replaced', oldest };
}
