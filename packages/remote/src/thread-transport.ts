import type { MessagePort } from 'node:worker_threads';
import { schemeOf } from './address.ts';
import { ThreadConnection, type ThreadEnd } from './thread-connection.ts';
import { connectionRefused, type Listener, ListenFailed, type Transport } from './transport.ts';

/** What a worker asks of the hub. */
export interface ThreadRequest {
  readonly op: 'listen' | 'unlisten' | 'dial';
  readonly id: number;
  readonly address: string;
}

/** What the hub tells a worker: the answer to a request, or that somebody has dialled. */
export interface ThreadNotice {
  readonly op: 'answer' | 'accept';
  /** Of the request that is answered. */
  readonly id?: number;
  readonly address: string;
  readonly end?: ThreadEnd | undefined;
  readonly isTaken?: boolean;
}

/** Who listens where among the threads of one node. */
export interface Switchboard {
  /** @returns false when somebody listens there already */
  listen(address: string, accept: (end: ThreadEnd) => void): Promise<boolean>;
  unlisten(address: string): Promise<void>;
  /** @returns undefined when no thread listens there */
  dial(address: string): Promise<ThreadEnd | undefined>;
}

/**
 * For a worker: to the other threads of its node by channels, to everybody else by `network`.
 * @param port from `ThreadHub.admit`
 */
export function workerTransport(port: MessagePort, network: Transport): Transport {
  return threadTransport(new WorkerBoard(port), network);
}

/**
 * `thread:/name` is known to the threads of one node only. Other addresses are listened at by
 * `network`, and known to the threads as well, which take the short way between each other.
 */
export function threadTransport(board: Switchboard, network: Transport): Transport {
  return {
    name: network.name,
    needsSecret: (address) => schemeOf(address) !== 'thread' && network.needsSecret(address),
    async listen(wanted, accept, refused) {
      const outer = isThread(wanted) ? undefined : await network.listen(wanted, accept, refused);
      const address = outer?.address ?? wanted;
      if (!(await board.listen(address, (end) => accept(new ThreadConnection(end))))) {
        await outer?.close();
        throw new ListenFailed(address, 'another thread of this node listens there');
      }
      return listenerOf(board, address, outer);
    },
    async dial(address, options) {
      const end = await board.dial(address);
      if (end !== undefined) return new ThreadConnection(end);
      if (!isThread(address)) return network.dial(address, options);
      throw connectionRefused('no thread of this node listens there');
    },
    async datagrams(address, receive) {
      return isThread(address) ? undefined : network.datagrams?.(address, receive);
    },
  };
}

function isThread(address: string): boolean {
  return schemeOf(address) === 'thread';
}

function listenerOf(board: Switchboard, address: string, outer: Listener | undefined): Listener {
  const { boundAddress } = outer ?? {};
  return {
    address,
    ...(boundAddress !== undefined && { boundAddress }),
    async close() {
      await board.unlisten(address);
      await outer?.close();
    },
  };
}

/** The hub's switchboard, as a worker sees it. */
class WorkerBoard implements Switchboard {
  readonly #port: MessagePort;
  readonly #asked = new Map<number, (notice: ThreadNotice) => void>();
  readonly #places = new Map<string, (end: ThreadEnd) => void>();
  #lastId = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (notice: ThreadNotice) => this.#hear(notice));
    port.unref();
  }

  async listen(address: string, accept: (end: ThreadEnd) => void): Promise<boolean> {
    if (this.#places.has(address)) return false;
    this.#places.set(address, accept); // Who dials may be there before the answer.
    const { isTaken = false } = await this.#ask('listen', address);
    if (isTaken) this.#places.delete(address);
    return !isTaken;
  }

  async unlisten(address: string): Promise<void> {
    this.#places.delete(address);
    await this.#ask('unlisten', address);
  }

  async dial(address: string): Promise<ThreadEnd | undefined> {
    const { end } = await this.#ask('dial', address);
    return end;
  }

  #ask(op: ThreadRequest['op'], address: string): Promise<ThreadNotice> {
    const id = (this.#lastId += 1);
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#keepAlive();
      this.#port.postMessage({ op, id, address } satisfies ThreadRequest);
    });
  }

  #hear(notice: ThreadNotice): void {
    const { op, id, address, end } = notice;
    if (op === 'accept') {
      const accept = this.#places.get(address);
      if (end !== undefined && accept !== undefined) accept(end);
      else end?.port.close();
      return;
    }
    if (id === undefined) return;
    this.#asked.get(id)?.(notice);
    this.#asked.delete(id);
    this.#keepAlive();
  }

  /** As a socket would: while an answer is awaited, or somebody may dial. */
  #keepAlive(): void {
    if (this.#asked.size + this.#places.size > 0) this.#port.ref();
    else this.#port.unref();
  }
}
