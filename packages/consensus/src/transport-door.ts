import type { Env } from '@troupe/actor';
import {
  acceptProved,
  dialProved,
  type LinkOptions,
  type Listener,
  networkTransport,
  type PeerIdentity,
  type Secret,
  type Transport,
} from '@troupe/remote';
import type { NodeId } from './consensus.ts';
import type { Door, MakeLine } from './line.ts';
import { listenForLines } from './strangers.ts';

const DIAL_TIMEOUT_MS = 2_000;
/** Of what is said after the handshake. */
const VERSIONS: readonly [number, number] = [1, 1];

export interface TransportDoorOptions {
  readonly listen: string;
  readonly addressOf: (node: NodeId) => string | undefined;
  readonly secret: Secret | undefined;
  readonly transport: Transport | undefined;
  readonly env: Env;
}

/** A door of its own, at an address of its own. */
export class TransportDoor implements Door {
  readonly #options: TransportDoorOptions;
  readonly #transport: Transport;
  #listener: Listener | undefined;
  #self: PeerIdentity = { name: '', incarnation: '', address: '' };

  constructor(options: TransportDoorOptions) {
    this.#options = options;
    this.#transport = options.transport ?? networkTransport({});
  }

  get address(): string {
    return this.#listener?.address ?? '';
  }

  /** @throws {ListenFailed} with what to do about it */
  async open(node: NodeId, accept: MakeLine): Promise<void> {
    const { env, listen, secret } = this.#options;
    const transport = this.#transport;
    this.#listener = await listenForLines({ env, transport, listen, secret }, (connection) =>
      acceptProved(connection, this.#terms, (line, { peer }) => accept(line, peer)),
    );
    const chance = Math.floor(env.random() * 2 ** 32).toString(36);
    const incarnation = `${Math.floor(env.wallTime()).toString(36)}-${chance}`;
    this.#self = { name: node, incarnation, address: this.address };
  }

  async dial(to: NodeId, make: MakeLine): Promise<void> {
    const address = this.#options.addressOf(to);
    if (address === undefined) throw new Error(`nobody knows where ${to} listens`);
    const transport = this.#transport;
    const options = { ...this.#terms, transport, address, timeoutMs: DIAL_TIMEOUT_MS };
    await dialProved(options, (connection, { peer }) => make(connection, peer));
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  get #terms(): LinkOptions {
    const { env, secret } = this.#options;
    return { env, self: this.#self, secret, versions: VERSIONS };
  }
}
