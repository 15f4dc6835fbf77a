/** Another node has this name already, so this one cannot join. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken';
  readonly code = 'ERR_NAME_TAKEN';
  constructor(
    readonly nodeName: string,
    readonly holder: string,
  ) {
    super(
      `a node named '${nodeName}' is in the cluster already, at ${holder}: ` +
        `give this one another name, or stop the other first`,
    );
  }
}
