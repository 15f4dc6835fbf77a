export { startNode } from '@troupe/cluster';
export type {
  ChannelEnds,
  NamedChannelOptions,
  NamedChannels,
  Node,
  NodeOptions,
  Place,
  WorkerOptions,
} from '@troupe/cluster';

export {
  Actor,
  actor,
  addressOf,
  allForOne,
  defineActor,
  oneForOne,
  restForOne,
  rpc,
} from '@troupe/actor';
export type {
  ActorClass,
  ActorFunction,
  ActorOptions,
  ActorRef,
  Answered,
  AnyRef,
  ArgumentSchema,
  BackOff,
  Behaviour,
  CallOptions,
  ContextValues,
  DeadLetter,
  Directive,
  Down,
  DownReason,
  EntityRef,
  Failure,
  FunctionActor,
  FunctionSelf,
  IncomingCall,
  IncomingInterceptor,
  OutgoingCall,
  OutgoingInterceptor,
  Pipelined,
  Remote,
  RpcOptions,
  Schema,
  Supervision,
  SupervisionOptions,
  Tell,
  TurnContext,
  WhenFull,
} from '@troupe/actor';

export {
  after,
  channel,
  go,
  scope,
  select,
  selectNow,
  sending,
  ticker,
  topic,
  watch,
} from '@troupe/actor';
export type {
  After,
  Channel,
  ChannelOptions,
  GoOptions,
  LagPolicy,
  Received,
  Receiver,
  Scope,
  ScopeOptions,
  SelectCase,
  Selected,
  SelectOptions,
  Sender,
  Sending,
  SubscribeOptions,
  Subscription,
  Task,
  TaskContext,
  Ticker,
  Topic,
  TopicOptions,
  SendOptions,
  WaitOptions,
  Watch,
  WatchOptions,
} from '@troupe/actor';
export { Deadlock, ParkedGoroutines } from '@troupe/actor';
export type { ParkedGoroutine, ParkedGoroutinesOptions } from '@troupe/actor';

export {
  ActorDown,
  BadArguments,
  CallError,
  Cancelled,
  ChannelClosed,
  ChannelLost,
  DeadlineExceeded,
  DeadlockError,
  Draining,
  executedOf,
  isCallError,
  LinkBroken,
  MailboxFull,
  NoSuchActor,
  NoSuchMethod,
  NotSerializable,
  Overloaded,
  RemoteError,
  SessionLost,
  Unauthorized,
  SubscriberLagged,
  Unreachable,
} from '@troupe/actor';
export type { CallErrorCode, Executed } from '@troupe/actor';
export { MetadataTooLarge, Moved, NameTaken, WorkerFailed } from '@troupe/cluster';
export { CertificateRefused, DEFAULT_PEER_LIMITS, HandshakeRefused } from '@troupe/remote';
export { ListenFailed } from '@troupe/remote';
export type { CertificateIssue, ErrorClass, PeerLimits, RefusalReason } from '@troupe/remote';

export { connect, OutsiderRefused, webSocketTransport } from '@troupe/remote';
export type {
  OutsiderCall,
  OutsiderClient,
  OutsiderClientOptions,
  OutsiderIdentity,
  OutsiderOptions,
} from '@troupe/remote';
export { networkTransport, tcpTransport, tlsTransport, unixTransport } from '@troupe/remote';
export type {
  CallerIdentity,
  TlsCredentials,
  TlsSource,
  TlsTransport,
  Transport,
} from '@troupe/remote';

export {
  dnsSeeds,
  fileSeeds,
  gossip,
  Keyring,
  rendezvous,
  staticMembers,
  staticSeeds,
} from '@troupe/cluster';
export type {
  ClusterEvent,
  ClusterObserver,
  DnsSeedsOptions,
  Evidence,
  GossipCounters,
  GossipMembership,
  GossipOptions,
  GossipProfile,
  GossipSettings,
  Member,
  MemberChange,
  MemberEvent,
  MemberMeta,
  Membership,
  MembershipDeps,
  MembershipNet,
  MemberState,
  MemberView,
  NodeId,
  PacketKey,
  Placement,
  SeedProvider,
  StaticMembersOptions,
} from '@troupe/cluster';

export { processEnv } from '@troupe/actor';
export type { Env, Log, LogFields, ProcessEnvOptions, Timer } from '@troupe/actor';
