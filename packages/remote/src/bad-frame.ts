/** A peer sent what the protocol does not allow; its session ends. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame';
  readonly code = 'ERR_BAD_FRAME';
}
