import { BadFrame } from './bad-frame.ts';
import type { PeerIdentity } from './handshake.ts';

/** `[name, incarnation, address]` of a node, as it travels inside references. */
export function identityOf(fields: readonly unknown[]): PeerIdentity {
  const [name, incarnation, address] = fields;
  if (
    typeof name !== 'string' ||
    typeof incarnation !== 'string' ||
    typeof address !== 'string' ||
    name.length + incarnation.length + address.length > 1_024
  ) {
    throw new BadFrame('node identity');
  }
  return { name, incarnation, address };
}

export function listOf(content: unknown): readonly unknown[] {
  if (Array.isArray(content)) return content;
  throw new BadFrame('a tagged value whose content is no array');
}
