export { processEnv } from './env.ts';
export type { Env, Log, LogFields, ProcessEnvOptions, Timer } from './env.ts';
export {
  ActorDown,
  BadArguments,
  CallError,
  Cancelled,
  ChannelClosed,
  ChannelLost,
  DeadlineExceeded,
  Draining,
  executedOf,
  isCallError,
  MailboxFull,
  NoSuchActor,
  NoSuchMethod,
  NotSerializable,
  Overloaded,
  RemoteError,
  SessionLost,
  Unreachable,
} from './errors.ts';
export type { CallErrorCode, Executed } from './errors.ts';
