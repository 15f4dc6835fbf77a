import { type Env, processEnv } from '@troupe/actor';
import {
  type Connection,
  ListenFailed,
  type Listener,
  networkTransport,
  type Transport,
} from '@troupe/remote';
import type { NodeId } from './consensus.ts';
import { IncomingLine } from './incoming-line.ts';
import type { LineTerms } from './line.ts';
import { OutgoingLine } from './outgoing-line.ts';
import type { Lane, Wire, WireHandler } from './wire.ts';

/** Strangers that may be at the door at once; further ones are turned away. */
const STRANGERS_MAX = 256;
const UNSENT_BYTES_MAX: Record<Lane, number> = { control: 2 ** 20, bulk: 16 * 2 ** 20 };

export interface TransportWireOptions {
  /** Where other nodes reach this one: `host:port`, port 0 for any free one. */
  readonly listen: string;
  /** Where `node` listens; undefined while that is not known. Asked before every attempt. */
  readonly addressOf: (node: NodeId) => string | undefined;
  /** Shared by all nodes; needed beyond this machine. */
  readonly secret?: string | undefined;
  /** Default: by the form of an address, Unix sockets or TCP. */
  readonly transport?: Transport;
  readonly env?: Env;
}

/**
 * Lines of its own between nodes, over any `Transport`: two to each peer, one a lane, dialled by
 * the side that writes to it. So heartbeats never stand behind entries, and no two nodes have to
 * agree on which of two connections is kept.
 */
export class TransportWire implements Wire {
  readonly #options: TransportWireOptions;
  readonly #env: Env;
  readonly #transport: Transport;
  readonly #outgoing: Record<Lane, Map<NodeId, OutgoingLine>> = {
    control: new Map(),
    bulk: new Map(),
  };
  readonly #incoming = new Set<IncomingLine>();
  #strangers = 0;
  #listener: Listener | undefined;
  #open: { readonly terms: LineTerms; readonly handler: WireHandler } | undefined;

  /** @throws {TypeError} when the secret is empty */
  constructor(options: TransportWireOptions) {
    const { secret, env = processEnv(), transport = networkTransport({}) } = options;
    if (secret === '') throw new TypeError('secret must not be empty: leave it out, or choose one');
    this.#options = options;
    this.#env = env;
    this.#transport = transport;
  }

  /** Where it listens, the port filled in. */
  get address(): string {
    return this.#listener?.address ?? '';
  }

  /** @throws {ListenFailed} with what to do about it */
  async open(node: NodeId, handler: WireHandler): Promise<void> {
    const { listen, secret } = this.#options;
    if (secret === undefined && this.#transport.needsSecret(listen)) {
      const advice = 'pass { secret }, which all nodes share, or listen on 127.0.0.1';
      throw new ListenFailed(listen, `beyond this machine a node needs a secret; ${advice}`);
    }
    this.#listener = await this.#transport.listen(listen, (connection) => this.#accept(connection));
    const chance = Math.floor(this.#env.random() * 2 ** 32).toString(36);
    const incarnation = `${Math.floor(this.#env.wallTime()).toString(36)}-${chance}`;
    const self = { name: node, incarnation, address: this.address };
    this.#open = { terms: { env: this.#env, self, secret }, handler };
  }

  send(to: NodeId, lane: Lane, frame: Uint8Array): void {
    if (this.#open === undefined) return;
    const lines = this.#outgoing[lane];
    let line = lines.get(to);
    if (line === undefined) lines.set(to, (line = this.#lineTo(to, lane, this.#open)));
    line.send(frame);
  }

  async close(): Promise<void> {
    this.#open = undefined;
    for (const lines of Object.values(this.#outgoing)) {
      for (const line of lines.values()) line.close();
    }
    for (const line of this.#incoming) line.destroy();
    await this.#listener?.close();
  }

  #lineTo(
    to: NodeId,
    lane: Lane,
    { terms, handler }: { readonly terms: LineTerms; readonly handler: WireHandler },
  ): OutgoingLine {
    return new OutgoingLine({
      ...terms,
      to,
      address: () => this.#options.addressOf(to),
      transport: this.#transport,
      unsentBytesMax: UNSENT_BYTES_MAX[lane],
      broke: () => {
        if (this.#open !== undefined) handler.broke(to);
      },
      unsent: () => {
        if (this.#open !== undefined) handler.unsent(to, lane);
      },
    });
  }

  #accept(connection: Connection): void {
    if (this.#open === undefined || this.#strangers >= STRANGERS_MAX) return connection.destroy();
    const { terms, handler } = this.#open;
    this.#strangers += 1;
    const line: IncomingLine = new IncomingLine(connection, terms, {
      frame: (from, frame) => {
        this.#outgoing.control.get(from)?.heard();
        this.#outgoing.bulk.get(from)?.heard();
        if (this.#open !== undefined) handler.received(from, frame);
      },
      proved: (peer) => {
        for (const lines of Object.values(this.#outgoing)) lines.get(peer.name)?.met(peer);
      },
      settled: () => void (this.#strangers -= 1),
      ended: (from, error) => {
        this.#incoming.delete(line);
        if (this.#open === undefined) return;
        if (error !== undefined) this.#complain(connection, error);
        if (from !== undefined) handler.broke(from);
      },
    });
    this.#incoming.add(line);
  }

  #complain({ remoteAddress: from }: Connection, { message: reason }: Error): void {
    this.#env.log.warn({ from, reason }, 'a line of consensus has ended');
  }
}
