import type { Member, MemberMeta } from './member.ts';

/** Members one digest may name; a cluster of heartbeats is far smaller. */
const MEMBERS_MAX = 1_024;
const KINDS_MAX = 1_024;

/** What two nodes tell each other: who speaks, and all that it knows. */
export interface Digest {
  readonly from: Member;
  readonly members: readonly Member[];
}

/** A peer's word is checked to the last field before anything is done with it. */
export function isDigest(value: unknown): value is Digest {
  if (typeof value !== 'object' || value === null) return false;
  if (!('from' in value && 'members' in value)) return false;
  return (
    isMember(value.from) &&
    Array.isArray(value.members) &&
    value.members.length <= MEMBERS_MAX &&
    value.members.every(isMember)
  );
}

function isMember(value: unknown): value is Member {
  if (typeof value !== 'object' || value === null) return false;
  if (!('name' in value && 'incarnation' in value && 'address' in value)) return false;
  if (!('state' in value && 'meta' in value)) return false;
  return (
    isText(value.name) &&
    isText(value.incarnation) &&
    isText(value.address) &&
    ['alive', 'suspect', 'down', 'left'].includes(String(value.state)) &&
    isMeta(value.meta)
  );
}

function isMeta(value: unknown): value is MemberMeta {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kinds' in value &&
    isTexts(value.kinds) &&
    (!('roles' in value) || isTexts(value.roles)) &&
    (!('consensusAddress' in value) || isText(value.consensusAddress))
  );
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.length <= KINDS_MAX && value.every(isText);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 256;
}
