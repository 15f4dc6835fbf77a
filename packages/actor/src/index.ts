export { Actor } from './actor.ts';
export type { Behaviour, TurnContext } from './actor.ts';
export { actor, defineActor, rpc } from './definition.ts';
export type {
  ActorClass,
  ActorOptions,
  MethodDecorator,
  RpcTable,
  WhenFull,
} from './definition.ts';
export type { Authorize, CallToAuthorize, RpcOptions } from './method.ts';
export type { ArgumentSchema, Schema, SchemaIssue, SchemaResult } from './arguments.ts';
export type {
  IncomingCall,
  IncomingInterceptor,
  OutgoingCall,
  OutgoingInterceptor,
} from './interceptor.ts';
export { allForOne, oneForOne, restForOne } from './supervision.ts';
export type {
  BackOff,
  Directive,
  Supervision,
  SupervisionOptions,
  SupervisionStrategy,
} from './supervision.ts';
export type { CallerIdentity } from './caller-identity.ts';
export { addressOf } from './ref-core.ts';
export type { ContextValues } from './context.ts';
export type {
  ActorRef,
  Answered,
  AnyRef,
  EntityRef,
  Pipelined,
  Remote,
  RemoteKeys,
  RemoteMethod,
  Tell,
} from './ref.ts';
export type { CallOptions, Down, DownReason } from './recipient.ts';
export type { ActorFunction, FunctionActor, FunctionSelf } from './function-actor.ts';
export { ActorSystem } from './system.ts';
export type { ActorSystemOptions, DeadLetter, Failure, Transparency } from './system.ts';
export { channel } from './channel.ts';
export type { Channel, ChannelOptions, Received, Receiver, Sender } from './channel.ts';
export type { SendOptions, WaitOptions } from './channel-core.ts';
export { after, select, selectNow, sending } from './select.ts';
export type { After, SelectCase, Selected, SelectOptions, Sending } from './select.ts';
export { ticker } from './ticker.ts';
export type { Ticker } from './ticker.ts';
export { go } from './go.ts';
export type { GoOptions, Task, TaskContext } from './go.ts';
export { scope } from './scope.ts';
export type { Scope, ScopeOptions } from './scope.ts';
export { topic } from './topic.ts';
export type { LagPolicy, SubscribeOptions, Subscription, Topic, TopicOptions } from './topic.ts';
export { watch } from './watch.ts';
export type { Watch, WatchOptions } from './watch.ts';
export { Deadlock, ParkedGoroutines } from './parked-goroutines.ts';
export type { ParkedGoroutine, ParkedGoroutinesOptions } from './parked-goroutines.ts';
export { processEnv } from './env.ts';
export type { Env, Log, LogFields, ProcessEnvOptions, Timer } from './env.ts';
export {
  ActorDown,
  BadArguments,
  BadOption,
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
} from './errors.ts';
export type { CallErrorCode, Executed } from './errors.ts';
