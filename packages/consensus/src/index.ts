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
export { DiskStore, openStore, setAside } from './disk-store.ts';
export type { OpenedStore } from './disk-store.ts';
export type { LogOptions } from './log-options.ts';
export { nodeFiles } from './node-files.ts';
export type { File, Files } from './files.ts';
export type { Lane, Wire, WireHandler } from './wire.ts';
export { TransportWire } from './transport-wire.ts';
export type { TransportWireOptions } from './transport-wire.ts';
export { recoverAlone } from './disaster.ts';
export { ChangeRefused, GroupClosed, NotLeader, OutcomeUnknown } from './errors.ts';
export { DiskFull, StoreClosed, StoreFailed, WrongLog } from './log-errors.ts';
export type { Damage, LogPlace } from './log-errors.ts';
