import type { Env } from '@troupe/actor';
import {
  acceptProved,
  type Connection,
  dialProved,
  type Listener,
  Lines,
  type LinkOptions,
  type PeerIdentity,
  type Secret,
  type Transport,
} from '@troupe/remote';
import { listenForLines } from '../strangers.ts';

const DIAL_TIMEOUT_MS = 2_000;

export interface NodeDoorOptions {
  readonly env: Env;
  /** The node whose door it is. */
  readonly self: PeerIdentity;
  readonly secret: Secret | undefined;
  readonly transport: Transport;
}

/**
 * A second door of a node, for lines alone: whoever dials them need not know that it is another
 * one, and behind it nobody is kept waiting by what the main loop does.
 */
export class NodeDoor {
  readonly lines: Lines;
  readonly #options: NodeDoorOptions;
  #listener: Listener | undefined;

  constructor(options: NodeDoorOptions) {
    this.#options = options;
    const { transport } = options;
    this.lines = new Lines((address, make) => {
      const dialling = { ...this.#terms, transport, address, timeoutMs: DIAL_TIMEOUT_MS };
      return dialProved(dialling, make);
    });
  }

  /** Where others dial it; empty when it does not listen. */
  get address(): string {
    return this.#listener?.address ?? '';
  }

  /** @throws {ListenFailed} with what to do about it */
  async open(listen: string): Promise<void> {
    this.#listener = await listenForLines({ ...this.#options, listen }, (connection) =>
      this.#accept(connection),
    );
  }

  async close(): Promise<void> {
    this.lines.close();
    await this.#listener?.close();
  }

  get #terms(): LinkOptions & { readonly purpose: 'line' } {
    const { env, self, secret } = this.#options;
    return { env, self, secret, purpose: 'line' };
  }

  #accept(connection: Connection): Promise<unknown> {
    const admit: LinkOptions['admit'] = (peer, _proposed, purpose) => {
      if (purpose !== 'line') return { refuse: 'unwanted' }; // Sessions are the main loop's.
      return this.lines.admit(peer, connection.caller);
    };
    return acceptProved(connection, { ...this.#terms, admit }, (line, { peer }) =>
      this.lines.serve(line, peer),
    );
  }
}
