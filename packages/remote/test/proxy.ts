import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Env } from '@troupe/actor';
import { tcpTransport, type Transport } from '@troupe/remote';

/** What happens to bytes on their way. */
export interface Weather {
  /** Each chunk is held back for up to so long; chunks of one direction keep their order. */
  readonly delayMs?: number;
  /** One bit in about so many bytes is flipped. */
  readonly bytesPerFlip?: number;
  /** What passes in a second and a direction. */
  readonly bytesPerSecond?: number;
}

/**
 * A real TCP proxy between two nodes that does to their bytes what networks do. A cut connection
 * is closed on the side that dialled at once, while what was under way still arrives at the other.
 */
export class Proxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #env: Env;
  readonly #pairs = new Set<Pair>();
  weather: Weather = {};
  /** Connections made so far. */
  connections = 0;
  #target = 0;
  #isRefusing = false;

  private constructor(env: Env) {
    this.#env = env;
    this.#server = createServer({ noDelay: true }, (near) => this.#connect(near));
  }

  static async open(env: Env): Promise<Proxy> {
    const proxy = new Proxy(env);
    await new Promise<void>((resolve) => {
      proxy.#server.listen({ host: '127.0.0.1', port: 0 }, resolve);
    });
    return proxy;
  }

  /** TCP, but every dial leads through here. */
  transport(): Transport {
    const tcp = tcpTransport();
    return {
      ...tcp,
      dial: (address, options) => {
        this.#target = Number(address.split(':')[1]);
        const bound = this.#server.address();
        if (bound === null || typeof bound === 'string') throw new TypeError('BUG: not listening');
        return tcp.dial(`127.0.0.1:${bound.port}`, options);
      },
    };
  }

  cut(): void {
    for (const pair of this.#pairs) pair.cut();
  }

  /** From now on nothing passes on what stands, and nobody is told. */
  stall(): void {
    for (const pair of this.#pairs) pair.isStalled = true;
  }

  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  #connect(near: Socket): void {
    if (this.#isRefusing) {
      near.destroy();
      return;
    }
    this.connections += 1;
    const far = createConnection({ host: '127.0.0.1', port: this.#target, noDelay: true });
    const pair = new Pair(near, far);
    this.#pairs.add(pair);
    far.once('close', () => this.#pairs.delete(pair));
    void this.#carry(pair, near, far);
    void this.#carry(pair, far, near);
  }

  async #carry(pair: Pair, from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from) {
        const bytes = Buffer.from(chunk as Uint8Array);
        this.#flip(bytes);
        const { delayMs = 0, bytesPerSecond = Infinity } = this.weather;
        const waitMs = delayMs * this.#env.random() + (bytes.length / bytesPerSecond) * 1_000;
        if (waitMs >= 1) {
          await new Promise<void>((resolve) => void this.#env.setTimer(waitMs, resolve));
        }
        if (pair.isStalled || to.destroyed) continue;
        if (to.write(bytes)) continue;
        await new Promise((resolve) => to.once('drain', resolve).once('close', resolve));
      }
    } catch {
      // Cut: what had been read was passed on.
    }
    to.end();
  }

  #flip(bytes: Buffer): void {
    const { bytesPerFlip = Infinity } = this.weather;
    if (this.#env.random() > bytes.length / bytesPerFlip) return;
    const at = Math.floor(this.#env.random() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(this.#env.random() * 8));
  }
}

/** The two halves of one connection. */
class Pair {
  isStalled = false;
  readonly #near: Socket;

  constructor(near: Socket, far: Socket) {
    this.#near = near;
    for (const socket of [near, far]) socket.on('error', () => socket.destroy());
  }

  cut(): void {
    this.#near.destroy();
  }
}
