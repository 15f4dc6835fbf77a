/** A node does not let an outsider in. Whether another token helps, `reason` says. */
export class OutsiderRefused extends Error {
  override readonly name = 'OutsiderRefused';
  readonly code = 'ERR_OUTSIDER_REFUSED';
  constructor(
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`the node does not let this client in: ${reason}`, options);
  }
}
