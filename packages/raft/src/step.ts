import { isMember } from './configuration.ts';
import {
  askAgain,
  onPreVote,
  onPreVoteReply,
  onTimeoutNow,
  onVote,
  onVoteReply,
} from './election.ts';
import { onAppend, onHeartbeat } from './follower.ts';
import { isOfEra } from './era.ts';
import { assert } from './errors.ts';
import { isFromLeader, type Message } from './message.ts';
import { sendStaleTerm } from './outbox.ts';
import { stir } from './quiet.ts';
import { onRead, onReadReply } from './reads.ts';
import { onAppendRejected, onAppendReply, onHeartbeatReply } from './replication.ts';
import { becomeFollower, isLed } from './role.ts';
import { onSnapshotChunk, onSnapshotOffer } from './snapshot-receiver.ts';
import { onSnapshotRequest, onSnapshotStatus } from './snapshot-sender.ts';
import { configurationOf, type State } from './state.ts';

/** Takes a message: first its term is settled (§5.1), then what it says. */
export function step(self: State, message: Message): void {
  if (!isOfEra(self, message)) return;
  if (isReasonToWake(self, message)) stir(self);
  if (settleTerm(self, message)) answer(self, message);
}

/** Not that one who was removed calls for votes: the leader would sleep through it. */
function isReasonToWake(self: State, { type, from }: Message): boolean {
  if (type === 'vote' || type === 'pre-vote') return isMember(configurationOf(self), from);
  return type !== 'heartbeat' && type !== 'heartbeat-reply';
}

/** @returns false when the message ends here */
function settleTerm(self: State, message: Message): boolean {
  const { type, from, term } = message;
  // What would be, or would have been, is about no term that is.
  if (type === 'pre-vote' || (type === 'pre-vote-reply' && message.granted)) return true;
  if (term < self.term) {
    if (type === 'vote' || isFromLeader(message)) sendStaleTerm(self, from);
    return false;
  }
  if (term === self.term) {
    const isRival = self.role === 'leader' && isFromLeader(message);
    assert(!isRival, `${self.id} and ${from} both lead in term ${term}`);
    return true;
  }
  // A node that was cut off, or removed, must not depose a leader whom the others hear.
  if (type === 'vote' && !message.transfer && isLed(self)) return false;
  const isAsking = self.role === 'pre-candidate' || self.role === 'candidate';
  const isRefusal = type === 'pre-vote-reply' || type === 'stale-term';
  becomeFollower(self, term, isFromLeader(message) ? from : undefined);
  if (!isAsking || !isRefusal) return true;
  // Perhaps for its term alone: those who raise it faster must not keep off one who can win.
  askAgain(self);
  return false;
}

function answer(self: State, message: Message): void {
  switch (message.type) {
    case 'pre-vote':
      return onPreVote(self, message);
    case 'pre-vote-reply':
      return onPreVoteReply(self, message);
    case 'vote':
      return onVote(self, message);
    case 'vote-reply':
      return onVoteReply(self, message);
    case 'append':
      return onAppend(self, message);
    case 'heartbeat':
      return onHeartbeat(self, message);
    case 'snapshot-offer':
      return onSnapshotOffer(self, message);
    case 'snapshot-chunk':
      return onSnapshotChunk(self, message);
    case 'timeout-now':
      return onTimeoutNow(self, message);
    case 'read':
      return onRead(self, message);
    case 'read-reply':
      return onReadReply(self, message);
    case 'stale-term':
      return; // Its term, settled above, was all it said.
    case 'append-reply':
    case 'append-rejected':
    case 'heartbeat-reply':
    case 'snapshot-status':
    case 'snapshot-request':
      return self.role === 'leader' ? answerMember(self, message) : undefined;
  }
}

function answerMember(
  self: State,
  message: Extract<
    Message,
    {
      type:
        | 'append-reply'
        | 'append-rejected'
        | 'heartbeat-reply'
        | 'snapshot-status'
        | 'snapshot-request';
    }
  >,
): void {
  switch (message.type) {
    case 'append-reply':
      return onAppendReply(self, message);
    case 'append-rejected':
      return onAppendRejected(self, message);
    case 'heartbeat-reply':
      return onHeartbeatReply(self, message);
    case 'snapshot-status':
      return onSnapshotStatus(self, message);
    case 'snapshot-request':
      return onSnapshotRequest(self, message);
  }
}
