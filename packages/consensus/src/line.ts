import type { Env } from '@troupe/actor';
import type { Connection, PeerIdentity } from '@troupe/remote';
import { Handshake } from '@troupe/remote/handshake';

/** How long the other side may take to say who it is and to prove it. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;
/** What a line begins with, so that no other connection between our nodes is taken for one. */
export const PREAMBLE: Buffer = Buffer.from('TRPL');
/** Of what is said after the handshake. */
const VERSIONS: readonly [number, number] = [1, 1];

/** What this side brings to a line. */
export interface LineTerms {
  readonly env: Env;
  readonly self: PeerIdentity;
  readonly secret: string | undefined;
}

export function handshakeOf(
  role: 'dialler' | 'acceptor',
  connection: Connection,
  { self, secret }: LineTerms,
): Handshake {
  // Who has shown a certificate needs no secret, from wherever it comes.
  const isLoopback = connection.isLoopback || connection.caller !== undefined;
  return new Handshake(role, { self, secret, versions: VERSIONS, isLoopback }, (bytes) => {
    connection.write(bytes);
  });
}
