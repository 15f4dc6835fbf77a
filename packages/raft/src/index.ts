export { Raft } from './raft.ts';
export type { Proposed, Refusal, Refused, Taken } from './raft.ts';
export type { Durable, RaftOptions, Settings } from './options.ts';
export type {
  AppendRecord,
  Apply,
  ChunkRequest,
  ChunkStore,
  Fetch,
  HardState,
  ReadResult,
  Ready,
} from './ready.ts';
export type {
  CommandEntry,
  ConfigurationEntry,
  Entry,
  NodeId,
  NoopEntry,
  Position,
  WithheldEntry,
} from './entry.ts';
export type { Change, Configuration, MemberKind } from './configuration.ts';
export type { Message, MessageType, Snapshot } from './message.ts';
export { chunkMessage } from './snapshot-sender.ts';
export { recoveryRecord } from './disaster.ts';
export type { MemberStatus, Status } from './status.ts';
export type { Role, State } from './state.ts';
export { isQuorum, quorumIndex } from './quorum.ts';
export { BadMessage, BrokenInvariant, Disqualified } from './errors.ts';
