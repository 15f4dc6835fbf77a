export { Engine } from './engine.ts';
export type { EngineOptions, GroupOptions } from './engine.ts';
export type {
  Applied,
  Capabilities,
  Consensus,
  ConsensusEvent,
  GroupStatus,
  MemberChange,
  MemberKind,
  Members,
  NodeId,
  ProposeOptions,
  ReadOptions,
  ReadPoint,
  RequestOptions,
  SnapshotInfo,
} from './consensus.ts';
export type { Command, SnapshotOrigin, SnapshotSource, StateMachine } from './state-machine.ts';
export type { EntryRange, GroupRecord, LogStore, Recovered } from './log-store.ts';
export { MemoryStore } from './memory-store.ts';
export { ChangeRefused, GroupClosed, NotLeader, OutcomeUnknown } from './errors.ts';
