import { type Env, processEnv } from '@troupe/actor';
import { refuseWeakSecret, type Secret, type Transport } from '@troupe/remote';
import type { NodeId } from './consensus.ts';
import { LineWire } from './line-wire.ts';
import { TransportDoor } from './transport-door.ts';

export interface TransportWireOptions {
  /** Where other nodes reach this one: `host:port`, port 0 for any free one. */
  readonly listen: string;
  /** Where `node` listens; undefined while that is not known. Asked before every attempt. */
  readonly addressOf: (node: NodeId) => string | undefined;
  /**
   * Shared by all nodes, at least 16 bytes; needed beyond this machine. Of a list the first is
   * proved, and any is believed: so it is changed while nodes run.
   */
  readonly secret?: Secret | undefined;
  /** Default: by the form of an address, Unix sockets or TCP. */
  readonly transport?: Transport;
  readonly env?: Env;
}

/** Lines over any `Transport`, for an engine that has an address of its own. */
export class TransportWire extends LineWire {
  /** @throws {WeakSecret} */
  constructor(options: TransportWireOptions) {
    const { listen, addressOf, secret, transport, env = processEnv() } = options;
    refuseWeakSecret(secret);
    super(new TransportDoor({ listen, addressOf, secret, transport, env }), env);
  }
}
