import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import * as tls from 'node:tls';
import { inChunks, inFlight, latency, main, repeat } from './measure.ts';
import { certificates, isServer, ready, startServer } from './pair.ts';

/**
 * What the same work costs on a bare socket: batches with a length before them, in which each
 * message is its kind, an id and a value. No deadlines, no sessions, no types, no checks.
 *
 *     u32 length | (u8 kind | u32 id | f64 value) …
 *     u32 length | u8 kind | u32 id | bytes
 */
const [CALL, TELL, TAKE, BYTES] = [0, 1, 2, 3];
const MESSAGE_BYTES = 13;
const BATCH_BYTES_MAX = 65_536;

class Link {
  readonly #socket: Socket;
  readonly #receive: (kind: number, id: number, value: number) => void;
  readonly #receiveBytes: (id: number, bytes: Uint8Array) => void;
  #batch = Buffer.allocUnsafe(BATCH_BYTES_MAX);
  #filled = 4;
  #flushing = false;
  #rest: Buffer = Buffer.alloc(0);

  constructor(
    socket: Socket,
    receive: (kind: number, id: number, value: number) => void,
    receiveBytes: (id: number, bytes: Uint8Array) => void,
  ) {
    this.#socket = socket.setNoDelay(true);
    this.#receive = receive;
    this.#receiveBytes = receiveBytes;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  drained(): Promise<unknown> {
    return once(this.#socket, 'drain');
  }

  send(kind: number, id: number, value: number): void {
    if (this.#filled + MESSAGE_BYTES > BATCH_BYTES_MAX) this.#flush();
    const at = this.#filled;
    this.#batch[at] = kind;
    this.#batch.writeUInt32BE(id, at + 1);
    this.#batch.writeDoubleBE(value, at + 5);
    this.#filled = at + MESSAGE_BYTES;
    if (this.#flushing) return;
    this.#flushing = true;
    // After all promise callbacks, so that a loop that awaits each send makes batches too.
    process.nextTick(() => this.#flush());
  }

  sendBytes(id: number, bytes: Uint8Array): void {
    const head = Buffer.allocUnsafe(9);
    head.writeUInt32BE(bytes.byteLength + 5, 0);
    head[4] = BYTES;
    head.writeUInt32BE(id, 5);
    this.#socket.cork();
    this.#socket.write(head);
    this.#socket.write(bytes);
    this.#socket.uncork();
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#filled === 4) return;
    this.#batch.writeUInt32BE(this.#filled - 4, 0);
    this.#socket.write(this.#batch.subarray(0, this.#filled));
    this.#batch = Buffer.allocUnsafe(BATCH_BYTES_MAX);
    this.#filled = 4;
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + 4 <= bytes.length) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      if (bytes[at + 4] === BYTES) {
        this.#receiveBytes(bytes.readUInt32BE(at + 5), bytes.subarray(at + 9, end));
      } else {
        for (let message = at + 4; message < end; message += MESSAGE_BYTES) {
          const kind = bytes[message] ?? CALL;
          const id = bytes.readUInt32BE(message + 1);
          this.#receive(kind, id, bytes.readDoubleBE(message + 5));
        }
      }
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}

/** Over TLS both sides show certificates, as nodes do. */
function listener(onSocket: (socket: Socket) => void): Server {
  if (certificates === undefined) return createServer(onSocket);
  return tls.createServer({ ...certificates, requestCert: true, minVersion: 'TLSv1.3' }, onSocket);
}

async function dial(port: number): Promise<Socket> {
  const host = '127.0.0.1';
  const socket =
    certificates === undefined
      ? connect(port, host)
      : tls.connect({ ...certificates, port, host, minVersion: 'TLSv1.3' });
  await once(socket, certificates === undefined ? 'connect' : 'secureConnect');
  return socket;
}

async function serve(): Promise<void> {
  const server = listener((socket) => {
    let sum = 0;
    const link: Link = new Link(
      socket,
      (kind, id, value) => {
        if (kind === TELL) sum += value;
        else if (kind === CALL) link.send(CALL, id, value);
        else {
          link.send(TAKE, id, sum);
          sum = 0;
        }
      },
      (id, bytes) => link.sendBytes(id, bytes),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ready(`${(server.address() as AddressInfo).port}`);
}

async function measure(): Promise<void> {
  const socket = await dial(Number(await startServer()));
  const pending = new Map<number, (value: number) => void>();
  const echoes = new Map<number, (bytes: Uint8Array) => void>();
  const settle = <T>(waiting: Map<number, (value: T) => void>, id: number, value: T): void => {
    waiting.get(id)?.(value);
    waiting.delete(id);
  };
  const link = new Link(
    socket,
    (_, id, value) => settle(pending, id, value),
    (id, bytes) => settle(echoes, id, bytes),
  );
  let lastId = 0;
  const answer = (send: (id: number) => void): Promise<number> =>
    new Promise((resolve) => {
      lastId += 1;
      pending.set(lastId, resolve);
      send(lastId);
    });
  const echoChunk = inChunks(
    (chunk) =>
      new Promise((resolve) => {
        lastId += 1;
        echoes.set(lastId, resolve);
        link.sendBytes(lastId, chunk);
      }),
  );
  const echo = (value: number): Promise<number> => answer((id) => link.send(CALL, id, value));
  const take = (): Promise<number> => answer((id) => link.send(TAKE, id, 0));
  await main({
    'calls-256': (program) =>
      repeat(program, { batch: () => inFlight(256, program.operations, echo) }),
    'calls-16': (program) =>
      repeat(program, { batch: () => inFlight(16, program.operations, echo) }),
    'call-latency': (program) => latency(program, echo),
    tells: (program) =>
      repeat(program, {
        async batch() {
          let sum = 0;
          for (let value = 0; value < program.operations; value += 1) {
            link.send(TELL, 0, value);
            if (value % 1_000 === 999) sum += await take();
          }
          return sum + (await take());
        },
      }),
    'channel-items': (program) =>
      repeat(program, {
        async batch() {
          for (let value = 0; value < program.operations; value += 1) {
            link.send(TELL, 0, value);
            await (link.isFull ? link.drained() : undefined);
          }
          return take();
        },
      }),
    'echo-64k': (program) =>
      repeat(program, {
        batch: () => inFlight(16, program.operations, echoChunk),
      }),
  });
}

await (isServer ? serve() : measure());
