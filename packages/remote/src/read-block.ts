import { type OnReadOpts, Socket } from 'node:net';

/** What is read at once, at most. */
const READ_BYTES = 128 * 1024;

/** Who is given what a socket reads. Nobody is, before its connection is started. */
export interface Reader {
  take?: (chunk: Uint8Array) => void;
}

/**
 * The memory that all sockets of a transport read into. Node.js would allocate for each read, and
 * memory outside of its heap makes V8 mark all of the heap again and again, which costs more than
 * everything else that is done with the bytes.
 */
export class ReadBlock {
  readonly #block = Buffer.allocUnsafeSlow(READ_BYTES);

  /** Makes a socket that is to be connected read into here; an option of its constructor. */
  onRead(reader: Reader): OnReadOpts {
    return this.#onRead((chunk) => reader.take?.(chunk));
  }

  /**
   * The same for one that is connected: that a server has accepted, or that has got through TLS.
   * For those Node.js has no such option, so they are given what the option would have given them.
   * The socket is paused. What it reads all the same, before somebody takes it, it emits as ever.
   * @returns false where that is not possible, and all of it is read as ever
   */
  divert(socket: Socket, reader: Reader): boolean {
    const handle: unknown = Reflect.get(socket, HANDLE);
    const onread = this.#onRead((chunk) => {
      if (reader.take === undefined) socket.push(Buffer.from(chunk));
      else reader.take(chunk);
    });
    const options = { allowHalfOpen: false, onread };
    const model = new Socket(options);
    const keys = Object.getOwnPropertySymbols(model).filter(({ description = '' }) =>
      FIELDS.includes(description),
    );
    if (!readsElsewhere(handle) || keys.length < FIELDS.length) return false;
    for (const key of keys) Reflect.set(socket, key, Reflect.get(model, key));
    handle.useUserBuffer(this.#block);
    socket.pause();
    return true;
  }

  #onRead(take: (chunk: Uint8Array) => void): OnReadOpts {
    const callback = (bytes: number): boolean => {
      take(this.#block.subarray(0, bytes));
      return true;
    };
    return { buffer: this.#block, callback };
  }
}

// Not in Node's documentation, but what its constructor does with the option.
const HANDLE = '_handle';
const FIELDS = ['kBuffer', 'kBufferCb', 'kBufferGen'];

interface ReadsElsewhere {
  useUserBuffer(buffer: Uint8Array): void;
}

function readsElsewhere(handle: unknown): handle is ReadsElsewhere {
  return typeof handle === 'object' && handle !== null && 'useUserBuffer' in handle;
}
