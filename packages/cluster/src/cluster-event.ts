import type { Member } from './member.ts';

/** What becomes of the members of the cluster, as one node sees it. */
export type ClusterEvent =
  | {
      /**
       * `joined`: it is a member now, or again. `suspected`: it is silent, and has some time to
       * object. `refuted`: it has objected, or was heard. `failed`: it is given up. `left`: it has
       * said goodbye. `changed`: it says something else of itself. `stalled`: it lives, and its
       * event loop stands still. `resumed`: its event loop runs again.
       */
      readonly kind: MemberChange;
      readonly member: Member;
    }
  /**
   * This node was late, or missed what it was sent, and so doubts its own judgement: 0 is well
   * again, 8 the worst.
   */
  | { readonly kind: 'degraded'; readonly health: number }
  /**
   * The thread on which this node gossips has ended by itself. `isReplaced`: another one is started
   * and finds the others again; otherwise too many have ended, and the others lose this node.
   */
  | { readonly kind: 'thread-ended'; readonly error: Error; readonly isReplaced: boolean }
  /**
   * From `address` came so many packets that this node cannot open, since the last time that this
   * was told: the keyring of who sends them and that of this node have no key in common, or they
   * are of another cluster. Told at once, and then once a minute; of 32 addresses a minute at most.
   */
  | { readonly kind: 'foreign'; readonly address: string; readonly packets: number }
  /** Nothing has changed for a while, as far as this node knows. */
  | { readonly kind: 'stable'; readonly members: number };

export type MemberChange =
  | 'joined'
  | 'suspected'
  | 'refuted'
  | 'failed'
  | 'left'
  | 'changed'
  | 'stalled'
  | 'resumed';

/** Is told of each event at once and in order. */
export type ClusterObserver = (event: ClusterEvent) => void;
