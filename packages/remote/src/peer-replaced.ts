/** At the address of a node there is now another one, or the same one started anew. */
export class PeerReplaced extends Error {
  override readonly name = 'PeerReplaced';
  readonly code = 'ERR_PEER_REPLACED';
  constructor(address: string, name: string) {
    super(`at ${address} there is now ${name} in another incarnation`);
  }
}
