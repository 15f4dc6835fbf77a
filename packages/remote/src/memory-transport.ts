import type { CallerIdentity } from './caller.ts';
import {
  type Connection,
  connectionRefused,
  type ConnectionHandler,
  type DatagramReceiver,
  type DatagramSocket,
  type Listener,
  ListenFailed,
  type Transport,
} from './transport.ts';

/**
 * A network within one process, for tests: the host of an address is the name of a node, faults
 * are method calls, and everything takes one microtask. Bytes are copied: nodes share no memory.
 */
export class MemoryNetwork {
  readonly #listeners = new Map<string, (connection: Connection) => void>();
  #lastPort = 0;
  readonly #ends = new Set<MemoryEnd>();
  readonly #cut = new Set<string>();
  readonly #crashed = new Set<string>();
  /** What runs on each host now; a crash ends it for good, whoever comes after it. */
  readonly #processes = new Map<string, MemoryProcess>();
  readonly #sockets = new Map<string, DatagramReceiver>();
  readonly #callers = new Map<string, CallerIdentity>();
  #carriedBytes = 0;
  #carriedWrites = 0;

  /** All bytes that were ever written. */
  get carriedBytes(): number {
    return this.#carriedBytes;
  }

  /** How often something was written, whatever its size: a round trip takes two. */
  get carriedWrites(): number {
    return this.#carriedWrites;
  }

  /**
   * The network as the node called `host` sees it.
   * @param caller whom others take its connections to come from; default: a node
   */
  transport(host: string, caller?: CallerIdentity): Transport {
    if (caller !== undefined) this.#callers.set(host, caller);
    let process = this.#processes.get(host);
    if (process === undefined) this.#processes.set(host, (process = { host, hasEnded: false }));
    const here = process;
    return {
      name: 'memory',
      needsSecret: () => false,
      listen: async (address, accept) => this.#listen(address, accept),
      dial: async (address) => this.#dial(here, address),
      datagrams: async (address, receive) => this.#openSocket(here, address, receive),
    };
  }

  /** Breaks all connections between two nodes, and lets none be made. */
  cut(a: string, b: string): void {
    this.refuse(a, b);
    for (const end of this.#between(a, b)) end.break('the network was cut');
  }

  /** Lets no new connection be made between two nodes; those that stand live on. */
  refuse(a: string, b: string): void {
    this.#cut.add(pair(a, b));
  }

  heal(a: string, b: string): void {
    this.#cut.delete(pair(a, b));
  }

  /** Whatever is sent between two nodes from now on vanishes, and neither notices. */
  freeze(a: string, b: string): void {
    for (const end of this.#between(a, b)) end.freeze();
  }

  /** Ends a node as `kill -9` does: it does nothing more, and its connections are broken. */
  crash(host: string): void {
    this.#crashed.add(host);
    const process = this.#processes.get(host);
    if (process !== undefined) process.hasEnded = true;
    this.#processes.delete(host);
    for (const address of this.#listeners.keys()) {
      if (hostOf(address) === host) this.#listeners.delete(address);
    }
    for (const address of this.#sockets.keys()) {
      if (hostOf(address) === host) this.#sockets.delete(address);
    }
    for (const end of this.#ends) {
      if (end.host === host) end.freeze();
      else if (end.peerHost === host) end.break('connection reset by peer');
    }
  }

  /** A new process may take the crashed one's place. */
  restore(host: string): void {
    this.#crashed.delete(host);
  }

  #listen(wanted: string, accept: (connection: Connection) => void): Listener {
    const address = wanted.endsWith(':0') ? this.#freeAddress(hostOf(wanted)) : wanted;
    if (this.#listeners.has(address)) {
      throw new ListenFailed(address, 'somebody listens there already');
    }
    this.#listeners.set(address, accept);
    const close = async (): Promise<void> => void this.#listeners.delete(address);
    return { address, close };
  }

  #freeAddress(host: string): string {
    for (;;) {
      const address = `${host}:${(this.#lastPort += 1)}`;
      if (!this.#listeners.has(address)) return address;
    }
  }

  #openSocket(process: MemoryProcess, address: string, receive: DatagramReceiver): DatagramSocket {
    this.#sockets.set(address, receive);
    return {
      send: (to, bytes) => {
        const isCut = process.hasEnded || this.#cut.has(pair(process.host, hostOf(to)));
        const content = Uint8Array.from(bytes);
        if (!isCut) queueMicrotask(() => this.#sockets.get(to)?.(address, content));
        return true;
      },
      close: () => void this.#sockets.delete(address),
    };
  }

  #dial({ host: from, hasEnded }: MemoryProcess, address: string): Connection {
    const to = hostOf(address);
    const accept = this.#listeners.get(address);
    const isDown = hasEnded || this.#crashed.has(from) || this.#crashed.has(to);
    if (accept === undefined || isDown || this.#cut.has(pair(from, to))) {
      throw connectionRefused('is a node running there?');
    }
    const near = new MemoryEnd(from, to, this.#callers.get(to));
    const far = new MemoryEnd(to, from, this.#callers.get(from));
    const hooks: EndHooks = {
      wrote: (bytes) => {
        this.#carriedBytes += bytes;
        this.#carriedWrites += 1;
      },
      ended: (end) => this.#ends.delete(end),
    };
    near.join(far, hooks);
    far.join(near, hooks);
    this.#ends.add(near).add(far);
    queueMicrotask(() => accept(far));
    return near;
  }

  *#between(a: string, b: string): Iterable<MemoryEnd> {
    for (const end of this.#ends) {
      if (pair(end.host, end.peerHost) === pair(a, b)) yield end;
    }
  }
}

interface MemoryProcess {
  readonly host: string;
  hasEnded: boolean;
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

function pair(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** How the network follows what happens at one end. */
interface EndHooks {
  wrote(bytes: number): void;
  ended(end: MemoryEnd): void;
}

/** One end of a connection. Whatever it does reaches the other in a microtask of its own. */
class MemoryEnd implements Connection {
  readonly isLoopback = true;
  readonly bufferedBytes = 0;
  readonly host: string;
  readonly peerHost: string;
  readonly caller: CallerIdentity | undefined;
  other!: MemoryEnd;
  #hooks!: EndHooks;
  #handler: ConnectionHandler | undefined;
  /** What came before anybody took it. */
  #early: (() => void)[] = [];
  #state: 'open' | 'frozen' | 'ended' = 'open';

  constructor(host: string, peerHost: string, caller: CallerIdentity | undefined) {
    this.host = host;
    this.peerHost = peerHost;
    this.caller = caller;
  }

  get remoteAddress(): string {
    return this.peerHost;
  }

  join(other: MemoryEnd, hooks: EndHooks): void {
    this.other = other;
    this.#hooks = hooks;
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    for (const happen of this.#early.splice(0)) happen();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return true;
    this.#hooks.wrote(bytes.length);
    const copy = Uint8Array.from(bytes);
    queueMicrotask(() => this.other.#take(copy));
    return true;
  }

  close(): void {
    queueMicrotask(() => {
      if (this.#state === 'open') this.other.#end(undefined);
      this.#end(undefined);
    });
  }

  destroy(): void {
    if (this.#state === 'open') this.other.#end(new Error('connection reset by peer'));
    this.#end(undefined);
  }

  freeze(): void {
    if (this.#state === 'open') this.#state = 'frozen';
  }

  break(why: string): void {
    this.#end(new Error(why));
  }

  #take(bytes: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#happens(() => {
      this.#handler?.data(bytes);
      // As a socket does, whose memory is read into again.
      if (this.#handler?.readsInPlace === true) bytes.fill(0xa5);
    });
  }

  #end(error: Error | undefined): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#hooks.ended(this);
    queueMicrotask(() => this.#happens(() => this.#handler?.closed(error)));
  }

  #happens(event: () => void): void {
    if (this.#handler === undefined) this.#early.push(event);
    else event();
  }
}
