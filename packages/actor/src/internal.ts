// What Troupe's own packages build on. No part of the public surface: any release may change it.
export { ioBudgetOf, IoBudget } from './io-budget.ts';
export { xorshift } from './env.ts';
export { Answer } from './answer.ts';
export type { Pipeline } from './answer.ts';
export { Cell } from './cell.ts';
export type { CellOptions } from './cell.ts';
export { Deadlines } from './deadlines.ts';
export type { Expiring } from './deadlines.ts';
export { definitionOf } from './definition.ts';
export type { Definition } from './definition.ts';
export type { Envelope } from './envelope.ts';
export { CALL_TIMEOUT_MS } from './recipient.ts';
export type { Recipient, Reply } from './recipient.ts';
export { isRef, recipientOf, refTo } from './ref.ts';
export { channelBehind, receiverOf, senderOf, sendInto } from './channel.ts';
export { ChannelCore, CLOSED, EMPTY } from './channel-core.ts';
export type { ChannelHooks } from './channel-core.ts';
export { Waiter } from './wait-list.ts';
