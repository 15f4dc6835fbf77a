import type { CallerIdentity } from './caller.ts';
import { type Admission, newSessionId, type PeerIdentity } from './handshake.ts';
import type { Make, Proved } from './link.ts';
import type { Connection } from './transport.ts';

/** Lines from other nodes: of all, and of those of one name. */
const LINES_MAX = 1_024;
const LINES_OF_ONE_MAX = 8;

/** Takes a line that another node has dialled, and proved. */
export type ServeLine = (connection: Connection, peer: PeerIdentity) => Proved;

type Dial = <T extends Proved>(address: string, make: Make<T>) => Promise<T>;

/**
 * Connections of the layer above, beside the sessions: at the addresses of the nodes, with the same
 * proof of who they are, and with whatever that layer says on them.
 */
export class Lines {
  readonly #dial: Dial;
  /** Those that others have dialled, and whose they are. */
  readonly #served = new Map<Connection, string>();
  readonly #dialled = new Set<Connection>();
  #serve: ServeLine | undefined;
  #isClosed = false;

  constructor(dial: Dial) {
    this.#dial = dial;
  }

  /** From now on `serve` takes those of other nodes; undefined: nobody does, and none is let in. */
  onLine(serve: ServeLine | undefined): void {
    this.#serve = serve;
  }

  /**
   * Dials the node at `address`; whoever is told who that is may throw, and so refuse it.
   * @throws {HandshakeRefused} `unwanted` while nobody takes lines there
   */
  async dial(address: string, make: Make<Proved>): Promise<void> {
    await this.#dial(address, (connection, agreement) => {
      const line = make(connection, agreement);
      this.#dialled.add(connection);
      if (this.#isClosed) connection.destroy();
      return followed(line, () => this.#dialled.delete(connection));
    });
  }

  /** Whether another connection of that peer may be a line. */
  admit({ name }: PeerIdentity, caller: CallerIdentity | undefined): Admission {
    // What nodes say to each other is none of an outsider's business.
    if (caller !== undefined && caller.kind !== 'node') return { refuse: 'secret' };
    const ofOne = [...this.#served.values()].filter((each) => each === name).length;
    if (this.#isClosed) return { refuse: 'stopping' };
    if (this.#serve === undefined) return { refuse: 'unwanted' };
    const isFull = this.#served.size >= LINES_MAX || ofOne >= LINES_OF_ONE_MAX;
    return isFull ? { refuse: 'busy' } : { session: newSessionId(), received: 0 };
  }

  /** A line that was admitted, and whose peer has been told so. */
  serve(connection: Connection, peer: PeerIdentity): Proved {
    const line = this.#serve?.(connection, peer);
    if (line === undefined || this.#isClosed) connection.destroy();
    this.#served.set(connection, peer.name);
    return followed(line, () => this.#served.delete(connection));
  }

  /** Ends all of them at once. */
  close(): void {
    this.#isClosed = true;
    for (const connection of [...this.#served.keys(), ...this.#dialled]) connection.destroy();
  }
}

/** `line`, if there is one yet, and somebody who is told of its end before it is. */
function followed(line: Proved | undefined, onEnd: () => void): Proved {
  return {
    receive: (chunk) => line?.receive(chunk),
    drained: () => line?.drained?.(),
    ended(reason) {
      onEnd();
      line?.ended(reason);
    },
  };
}
