import { type OnReadOpts, Socket } from 'node:net';

/** What is read at once, at most. */
const READ_BYTES = 128 * 1024;

/** Who is given what a socket reads. Nobody is, before its connection is started. */
export interface Reader {
  take?: (chunk: Uint8Array) => void;
}

/**
 * The memory that all plain sockets of a transport read into. Node.js would allocate for each read,
 * and memory outside of its heap makes V8 mark all of the heap again and again, which costs more
 * than everything else that is done with the bytes.
 */
export class ReadBlock {
  readonly #block = Buffer.allocUnsafeSlow(READ_BYTES);

  /** Makes a socket that is to be connected read into here; an option of its constructor. */
  onRead(reader: Reader): OnReadOpts {
    const callback = (bytes: number): boolean => {
      reader.take?.(this.#block.subarray(0, bytes));
      return true;
    };
    return { buffer: this.#block, callback };
  }

  /**
   * The same for a socket that a server has accepted and not begun to read: for those Node.js has
   * no such option, so another socket is made of what that one stands for.
   * @returns the socket to use; `accepted` itself, which reads as ever, where that is not possible
   */
  adopt(accepted: Socket, reader: Reader): Socket {
    const handle: unknown = Reflect.get(accepted, HANDLE);
    if (typeof handle !== 'object' || handle === null) return accepted; // It has ended.
    const options = { handle, allowHalfOpen: false, onread: this.onRead(reader) };
    const socket = new Socket(options);
    if (Reflect.get(socket, HANDLE) !== handle) return accepted;
    socket.pause();
    Reflect.set(accepted, HANDLE, null);
    socket.once('close', () => accepted.destroy()); // The server counts that one.
    return socket;
  }
}

/** Not in Node's documentation, but how its own child processes are given sockets. */
const HANDLE = '_handle';
