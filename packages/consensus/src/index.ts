export { Engine } from './engine.ts';
export type { EngineOptions, EngineStatus } from './engine.ts';
export type { GroupOptions } from './group-options.ts';
export type { Driver } from './driver.ts';
export { EngineThread } from './thread/engine-thread.ts';
export type { EngineThreadOptions } from './thread/engine-thread.ts';
export type {
  Applied,
  Capabilities,
  ChangeOptions,
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
export type { GroupSettings } from './group-settings.ts';
export { checkChanges } from './members.ts';
export type { Command, SnapshotOrigin, SnapshotSource, StateMachine } from './state-machine.ts';
export { Machine } from './machine.ts';
export type { LogEntry, MachineClass } from './machine.ts';
export { command, defineMachine, query } from './machine-methods.ts';
export type {
  CommandOptions,
  MachineTable,
  Marked,
  MarkedClass,
  PublicMethods,
  ReplicaKeys,
  ReplicaMethods,
} from './machine-methods.ts';
export { Replicated } from './replicated.ts';
export type { Outcome } from './machine-entry.ts';
export { replicate } from './replicate.ts';
export type { Replica, ReplicaOptions, ReplicateOptions } from './replicate.ts';
export { Coordination, openCoordination } from './coordination/coordination.ts';
export type { CoordinateOptions, CoordinationOptions } from './coordination/coordination.ts';
export { CoordinationMachine } from './coordination/coordination-machine.ts';
export type { Session, SessionOptions, SessionState } from './coordination/session.ts';
export type { Lock, LockOptions, Locks } from './coordination/locks.ts';
export type { Held } from './coordination/held.ts';
export type {
  CampaignOptions,
  Elections,
  Leader,
  Leadership,
  ObserveOptions,
} from './coordination/elections.ts';
export type { SemaphoreOptions, Semaphores } from './coordination/semaphores.ts';
export type { BarrierOptions, Barriers, Passage } from './coordination/barriers.ts';
export type { WaitLimits } from './coordination/patience.ts';
export type {
  KeyPutOptions,
  KeyRangeOptions,
  KeyValueStore,
  KeyWatchOptions,
  Lease,
} from './coordination/kv.ts';
export type {
  AnyKeys,
  KeyCondition,
  KeyName,
  KeyOperation,
  KeyPage,
  KeyResult,
  KeyTransacted,
  KeyTransaction,
  KeyValue,
  LeaseLike,
  ValueIn,
} from './coordination/key-value.ts';
export type { KeyRange } from './coordination/key-range.ts';
export type { KeyChange, KeyEvent, KeyWatch } from './coordination/key-watch.ts';
export { Compacted, LeaseExpired, LockLost, NotHeld, SizeMismatch } from './coordination/errors.ts';
export type { EntryRange, GroupRecord, LogStore, Recovered, StoreWatcher } from './log-store.ts';
export { MemoryStore } from './memory-store.ts';
export { DiskStore, openDirectory, openStore, setAside } from './disk-store.ts';
export type { DirectoryOptions, OpenedStore } from './disk-store.ts';
export type { LogOptions, LogTuning } from './log-options.ts';
export { nodeFiles } from './node-files.ts';
export type { NodeFilesOptions } from './node-files.ts';
export type { File, Files } from './files.ts';
export type { Lane, Wire, WireHandler } from './wire.ts';
export { EndpointWire } from './endpoint-wire.ts';
export type { EndpointWireOptions } from './endpoint-wire.ts';
export { TransportWire } from './transport-wire.ts';
export type { TransportWireOptions } from './transport-wire.ts';
export { recoverAlone, savedGroups } from './disaster.ts';
export type { SavedGroup } from './disaster.ts';
export {
  BadMachine,
  BadOption,
  ChangeRefused,
  CommandTooLarge,
  ConsensusThreadFailed,
  FoundedApart,
  GroupAlreadyOpen,
  GroupClosed,
  GroupStalled,
  MachineOutdated,
  MembersOutdated,
  NoSuchCommand,
  NothingApplied,
  NotLeader,
  OutcomeUnknown,
  SessionExpired,
} from './errors.ts';
export { Disqualified } from '@troupe/raft';
export {
  DirectoryInUse,
  DiskFull,
  LogDamaged,
  StoreClosed,
  StoreFailed,
  WrongLog,
} from './log-errors.ts';
export type { Damage, LogPlace } from './log-errors.ts';
