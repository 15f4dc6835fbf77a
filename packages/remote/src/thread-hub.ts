import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { SHARED_BYTES, type ThreadEnd } from './thread-connection.ts';
import {
  type Switchboard,
  type ThreadNotice,
  type ThreadRequest,
  threadTransport,
} from './thread-transport.ts';
import type { Transport } from './transport.ts';

/**
 * The threads of one node. Whoever dials is given one end of a new channel, and whoever listens
 * there the other: the hub's own thread brings them together, and takes no part in what they say.
 */
export class ThreadHub {
  readonly #places = new Map<string, (end: ThreadEnd) => void>();

  /** For the hub's own thread: to other threads by a channel, to everybody else by `network`. */
  transport(network: Transport): Transport {
    const board: Switchboard = {
      listen: async (address, accept) => this.#listen(address, accept),
      unlisten: async (address) => void this.#places.delete(address),
      dial: async (address) => this.#dial(address, 'the main thread'),
    };
    return threadTransport(board, network);
  }

  /** @returns what a worker takes part by, to be transferred to it; its addresses end with it */
  admit(name: string): MessagePort {
    const { port1: port, port2 } = new MessageChannel();
    const own = new Set<string>();
    const answer = (notice: ThreadNotice): void => {
      port.postMessage(notice, notice.end === undefined ? [] : [notice.end.port]);
    };
    port.on('message', ({ op, id, address }: ThreadRequest) => {
      if (op === 'dial') {
        return answer({ op: 'answer', id, address, end: this.#dial(address, name) });
      }
      if (op === 'unlisten') {
        if (own.delete(address)) this.#places.delete(address);
        return answer({ op: 'answer', id, address });
      }
      const accept = (end: ThreadEnd): void => answer({ op: 'accept', address, end });
      const isTaken = !this.#listen(address, accept);
      if (!isTaken) own.add(address);
      answer({ op: 'answer', id, address, isTaken });
    });
    port.once('close', () => {
      for (const address of own) this.#places.delete(address);
    });
    port.unref();
    return port2;
  }

  #listen(address: string, accept: (end: ThreadEnd) => void): boolean {
    if (this.#places.has(address)) return false;
    this.#places.set(address, accept);
    return true;
  }

  #dial(address: string, from: string): ThreadEnd | undefined {
    const accept = this.#places.get(address);
    if (accept === undefined) return undefined;
    const { port1, port2 } = new MessageChannel();
    const shared = new SharedArrayBuffer(SHARED_BYTES);
    accept({ port: port2, shared, side: 1, peer: from });
    return { port: port1, shared, side: 0, peer: address };
  }
}
