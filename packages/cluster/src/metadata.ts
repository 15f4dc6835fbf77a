import { META_BYTES_MAX } from '@troupe/gossip';
import { MetadataTooLarge } from './errors.ts';
import type { MemberMeta } from './member.ts';

const VERSION = 1;
const STALLED = 1;
const FLAGS_AT = 1;
const LIST_MAX = 255;

/** What gossip carries of a member beside its name and address. */
export interface Metadata {
  /** As everything but gossip knows the start of the node. */
  readonly incarnation: string;
  readonly meta: MemberMeta;
}

/**
 * u8 version | u8 flags | text incarnation | u8 count, texts: kinds | the same: roles | perhaps
 * text: where it takes lines of consensus. A text is u8 length and UTF-8.
 * @throws {MetadataTooLarge}
 */
export function encodeMetadata({ incarnation, meta }: Metadata): Uint8Array {
  const { kinds, roles = [], isStalled = false, consensusAddress } = meta;
  const parts: Uint8Array[] = [Uint8Array.of(VERSION, isStalled ? STALLED : 0)];
  const text = (value: string): void => {
    const bytes = Buffer.from(value);
    if (bytes.length > LIST_MAX) throw new MetadataTooLarge(bytes.length, LIST_MAX, value);
    parts.push(Uint8Array.of(bytes.length), bytes);
  };
  text(incarnation);
  for (const [what, list] of Object.entries({ kinds, roles })) {
    if (list.length > LIST_MAX) throw new MetadataTooLarge(list.length, LIST_MAX, what);
    parts.push(Uint8Array.of(list.length));
    for (const value of list) text(value);
  }
  if (consensusAddress !== undefined) text(consensusAddress);
  const bytes = Buffer.concat(parts);
  if (bytes.length > META_BYTES_MAX) {
    throw new MetadataTooLarge(bytes.length, META_BYTES_MAX, [...kinds, ...roles].join(' '));
  }
  return new Uint8Array(bytes);
}

/** The same metadata of a node whose main loop stands still, or does no more. */
export function withStalled(metadata: Uint8Array, isStalled: boolean): Uint8Array {
  const changed = Uint8Array.from(metadata);
  changed[FLAGS_AT] = isStalled ? STALLED : 0;
  return changed;
}

/** @returns undefined for what is no metadata of this version: a peer's word is checked */
export function decodeMetadata(bytes: Uint8Array): Metadata | undefined {
  if (bytes[0] !== VERSION) return undefined;
  const isStalled = ((bytes[FLAGS_AT] ?? 0) & STALLED) !== 0;
  let at = FLAGS_AT + 1;
  const text = (): string | undefined => {
    const start = at + 1;
    at = start + (bytes[at] ?? bytes.length);
    return at > bytes.length ? undefined : Buffer.from(bytes.subarray(start, at)).toString();
  };
  const list = (): readonly string[] | undefined => {
    const count = bytes[at];
    at += 1;
    if (count === undefined) return undefined;
    const texts = Array.from({ length: count }, text);
    return texts.every((each) => each !== undefined) ? texts : undefined;
  };
  const incarnation = text();
  const kinds = list();
  const roles = list();
  if (incarnation === undefined || kinds === undefined || roles === undefined) return undefined;
  const consensusAddress = at < bytes.length ? text() : undefined;
  const meta: MemberMeta = {
    kinds,
    ...(roles.length > 0 && { roles }),
    ...(isStalled && { isStalled }),
    ...(consensusAddress !== undefined && { consensusAddress }),
  };
  return { incarnation, meta };
}
