import { CallError, type Executed } from '@troupe/actor';

/** The entity lives on another node by the view of the one that was asked. Callers follow it. */
export class Moved extends CallError {
  override readonly name = 'Moved';
  readonly code = 'ERR_MOVED';
  readonly executed: Executed = 'no';
  constructor(
    readonly entity: string,
    /** Name of the node that the refusing node takes for the owner. */
    readonly owner: string,
    options?: ErrorOptions,
  ) {
    super(`${entity} lives on node ${owner}`, options);
  }
}
