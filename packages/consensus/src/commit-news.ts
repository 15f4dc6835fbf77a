import type { Message, NodeId } from '@troupe/raft';

/**
 * Keeps a message without entries, which brings a commit index and nothing else, until the next
 * turn: whoever was answered in this one has mostly proposed again by then, and what is sent with
 * that brings it too. So a follower has one message to answer for each command, and not two.
 */
export class CommitNews {
  readonly #kept = new Map<NodeId, Message>();
  #turn = 0;

  /** Whether there is something that the next turn has to let go. */
  get isEmpty(): boolean {
    return this.#kept.size === 0;
  }

  /** @returns what of `messages`, and of what was kept in an earlier turn, leaves in `turn` */
  pass(messages: readonly Message[], turn: number): readonly Message[] {
    const due = turn > this.#turn ? new Map(this.#kept) : new Map<NodeId, Message>();
    this.#turn = turn;
    if (due.size > 0) this.#kept.clear();
    const leaving: Message[] = [];
    for (const message of messages) {
      if (message.type === 'append') {
        const { to, entries } = message;
        const wasDue = due.delete(to);
        this.#kept.delete(to);
        if (entries.length === 0 && !wasDue) {
          this.#kept.set(to, message);
          continue;
        }
      }
      leaving.push(message);
    }
    leaving.push(...due.values());
    return leaving;
  }
}
