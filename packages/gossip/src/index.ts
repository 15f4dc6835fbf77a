export { Gossip } from './gossip.ts';
export type { GossipOptions } from './gossip.ts';
export { profiles, settingsOf } from './settings.ts';
export type { Profile, Settings } from './settings.ts';
export { NameClaim } from './name-claim.ts';
export type { ClaimProgress, ClaimStep } from './name-claim.ts';
export type { Evidence, GossipEvent, Input, Output } from './output.ts';
export { INCARNATION_MAX } from './member.ts';
export type { MemberStatus } from './member.ts';
export type {
  Alive,
  Failed,
  Left,
  Message,
  Packet,
  Ping,
  PingRequest,
  Row,
  State,
  Suspect,
  Sync,
  Update,
  Way,
} from './message.ts';
export { decodePacket, encodePacket } from './wire.ts';
export { ADDRESS_BYTES_MAX, META_BYTES_MAX, NAME_BYTES_MAX } from './limits.ts';
export { packetBytes } from './size.ts';
export { suspicionMs } from './suspicion.ts';
export { BadPacket } from './errors.ts';
