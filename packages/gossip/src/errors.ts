/** Bytes that are no packet of this protocol: damaged, or of somebody who means harm. */
export class BadPacket extends Error {
  override readonly name = 'BadPacket';
  readonly code = 'ERR_BAD_PACKET';
  constructor(what: string) {
    super(`not a gossip packet: ${what}`);
  }
}
