// What Troupe's own packages build on. No part of the public surface: any release may change it.
export { ioBudgetOf, IoBudget } from './io-budget.ts';
export { xorshift } from './env.ts';
export { guardedLog } from './guarded-log.ts';
export { SparseLog } from './sparse-log.ts';
export { copied, toldLog } from './told-log.ts';
export type { LogNews } from './told-log.ts';
export { goesThrough, intercepted } from './interceptor.ts';
export { Answer } from './answer.ts';
export type { Pipeline } from './answer.ts';
export { boundValue } from './binding.ts';
export { Caller, OUTSIDE } from './caller.ts';
export { packContext, unpackContext } from './context.ts';
export type { CallContext, PackedContext, TurnName } from './context.ts';
export { actorDown } from './admission.ts';
export { noLess, refusal, thrownByMethod } from './errors.ts';
export { checked } from './arguments.ts';
export { HOPS_MAX, TURNS_MAX } from './probe.ts';
export type { Age, Probe, Waited } from './probe.ts';
export { RunningTurn } from './turn.ts';
export { chase } from './deadlock.ts';
export { expire, takeBack, withdraw } from './withdrawal.ts';
export { Cell } from './cell.ts';
export type { CellOptions } from './cell.ts';
export { Deadlines } from './deadlines.ts';
export type { Expiring } from './deadlines.ts';
export { definitionOf } from './definition.ts';
export { isActorClass } from './function-actor.ts';
export type { Definition } from './definition.ts';
export type { Envelope } from './envelope.ts';
export { CALL_TIMEOUT_MS } from './recipient.ts';
export type { Recipient, Reply } from './recipient.ts';
export { isRef, recipientOf } from './ref-core.ts';
export { refTo } from './ref.ts';
export { channelBehind, receiverOf, senderOf, sendInto } from './channel.ts';
export { ChannelCore, CLOSED, EMPTY } from './channel-core.ts';
export type { ChannelHooks } from './channel-core.ts';
export { Waiter } from './wait-list.ts';
export {
  checkName,
  KEY_CHARS_MAX,
  keyTooLong,
  KIND_CHARS_MAX,
  methodTooLong,
} from './name-limits.ts';
export { checkDuration, checkInteger, TIMER_MS_MAX } from './number-limits.ts';
export {
  A_FLAG,
  A_FUNCTION,
  A_SIGNAL,
  checkNames,
  checkOptions,
  ELSEWHERE,
  fitting,
  hasMethods,
  isFunction,
  listOf,
} from './known-options.ts';
export type { OptionCheck } from './known-options.ts';
export { errorOf, messageOf } from './thrown.ts';
