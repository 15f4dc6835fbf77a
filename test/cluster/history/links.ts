import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** How a link is cut: packets are lost and nobody is told, or connections break and are refused. */
export type Cut = 'silent' | 'refused';

/**
 * All that one node says to another passes through here, by TCP; one direction of each pair can be
 * cut by itself, since a node only writes to the lines that it has dialled.
 */
export class Link implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<{ readonly near: Socket; readonly far: Socket }>();
  #target = 0;
  #cut: Cut | undefined;

  private constructor() {
    this.#server = createServer({ noDelay: true }, (near) => this.#carry(near));
  }

  static async open(): Promise<Link> {
    const link = new Link();
    await new Promise<void>((resolve) => {
      link.#server.listen({ host: '127.0.0.1', port: 0 }, resolve);
    });
    return link;
  }

  /** Where it begins. */
  get address(): string {
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') throw new TypeError('BUG: not listening');
    return `127.0.0.1:${bound.port}`;
  }

  get isCut(): boolean {
    return this.#cut !== undefined;
  }

  /** Where it ends, from now on; connections that stand end where they did. */
  leadTo(address: string): void {
    this.#target = Number(address.split(':')[1]);
  }

  cut(how: Cut): void {
    this.#cut = how;
    for (const { near, far } of this.#pairs) {
      if (how === 'silent') near.pause();
      else {
        near.destroy();
        far.destroy();
      }
    }
  }

  /** What was sent meanwhile arrives now, unless the sender has given it up. */
  mend(): void {
    this.#cut = undefined;
    for (const { near } of this.#pairs) near.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut('refused');
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  #carry(near: Socket): void {
    near.on('error', () => near.destroy());
    if (this.#cut === 'refused' || this.#target === 0) return void near.destroy();
    const far = createConnection({ host: '127.0.0.1', port: this.#target, noDelay: true });
    const pair = { near, far };
    this.#pairs.add(pair);
    far.on('error', () => far.destroy());
    near.on('data', (chunk) => {
      if (!far.write(chunk)) near.pause();
    });
    far.on('drain', () => {
      if (this.#cut === undefined) near.resume();
    });
    far.on('data', (chunk) => near.write(chunk)); // Half a handshake: never much.
    near.on('end', () => far.end());
    far.on('end', () => near.end());
    near.on('close', () => far.destroySoon());
    far.on('close', () => {
      this.#pairs.delete(pair);
      near.destroy();
    });
    if (this.#cut === 'silent') near.pause();
  }
}
