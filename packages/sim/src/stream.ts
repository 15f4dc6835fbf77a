import { type Connection, type ConnectionHandler, connectionRefused } from '@troupe/remote';
import type { Agenda, Appointment } from './agenda.ts';
import type { SimProcess } from './process.ts';

/** Bytes under way in one direction from which on a writer is asked to wait. */
const WINDOW_BYTES = 256 * 1024;
/** Before a connection that was not answered is asked for again. */
const CONNECT_AGAIN_MS = 1_000;
const RETRANSMIT_MS_MAX = 3_200;

/** What a stream needs of the network that it runs over. */
export interface StreamWire {
  readonly agenda: Agenda;
  readonly near: SimProcess;
  readonly toHost: string;
  /** The first pause before something lost is sent again; it doubles each time. */
  readonly retransmitMs: number;
  /** How long nothing may get through before this side gives up. */
  readonly deadMs: number;
  arrival(from: string, to: string, bytes: number): number | undefined;
  /** Who listens at the other end; undefined when nobody does, `gone` when the host is off. */
  findListener(): ListeningProcess | 'gone' | undefined;
  onData(from: string, to: string, bytes: number): void;
  onOver(stream: Stream): void;
}

export interface ListeningProcess {
  readonly process: SimProcess;
  readonly accept: (connection: Connection) => void;
}

/** A connection as of TCP: bytes in order or an error, and silence when the other side vanishes. */
export class Stream {
  readonly #wire: StreamWire;
  readonly #near: StreamEnd;
  #far: StreamEnd | undefined;

  constructor(wire: StreamWire) {
    this.#wire = wire;
    this.#near = new StreamEnd(wire, wire.near, wire.toHost);
  }

  /** @throws when nobody listens there, or nobody answers within `timeoutMs` */
  connect(timeoutMs: number): Promise<Connection> {
    const wire = this.#wire;
    const { agenda, near, toHost } = wire;
    return new Promise((resolve, reject) => {
      let settled = false;
      const settle = (outcome: () => void): void => {
        if (settled) return;
        settled = true;
        timer.cancel();
        near.happens('input', outcome);
      };
      const fail = (error: Error): void => {
        settle(() => reject(error));
        wire.onOver(this);
      };
      const timer = agenda.after(timeoutMs, () =>
        fail(new Error(`no answer within ${timeoutMs} ms`)),
      );
      const ask = (): void => {
        if (settled || near.hasEnded) return;
        const at = wire.arrival(near.name, toHost, 40);
        agenda.after(CONNECT_AGAIN_MS, ask);
        if (at !== undefined) agenda.after(at - agenda.nowMs, () => arrive());
      };
      const arrive = (): void => {
        const listener = wire.findListener();
        const back = wire.arrival(toHost, near.name, 40);
        if (settled || listener === 'gone' || back === undefined) return;
        if (listener === undefined) {
          agenda.after(back - agenda.nowMs, () =>
            fail(connectionRefused('is a node running there?')),
          );
          return;
        }
        if (this.#far === undefined) this.#accept(listener);
        agenda.after(back - agenda.nowMs, () => settle(() => resolve(this.#near)));
      };
      ask();
    });
  }

  /** A process that is gone says nothing more; its host answers with resets, while it is on. */
  processEnded(process: SimProcess, hostIsGone: boolean): void {
    for (const end of [this.#near, this.#far]) {
      if (end?.process !== process) continue;
      end.die(hostIsGone);
    }
  }

  /** A direction was mended: what waits to be sent again need not wait any longer. */
  mended(): void {
    this.#near.hurry();
    this.#far?.hurry();
  }

  #accept({ process, accept }: ListeningProcess): void {
    const far = new StreamEnd(this.#wire, process, this.#wire.near.name);
    this.#far = far;
    const onOver = (): void => {
      if (this.#near.isOver && far.isOver) this.#wire.onOver(this);
    };
    this.#near.join(far, onOver);
    far.join(this.#near, onOver);
    process.happens('input', () => accept(far));
  }
}

/** Bytes, or the end of them. */
type Segment = Uint8Array | 'end';

class StreamEnd implements Connection {
  readonly process: SimProcess;
  readonly remoteAddress: string;
  readonly isLoopback = true;
  readonly #wire: StreamWire;
  readonly #peerHost: string;
  #other: StreamEnd | undefined;
  #onOver: () => void = () => {};
  #handler: ConnectionHandler | undefined;
  /** What came before anybody took it. */
  #early: (() => void)[] = [];
  #state: 'open' | 'closing' | 'over' | 'dead' = 'open';
  #hostIsGone = false;
  /** Not yet on their way: the first was lost, and they keep their order. */
  readonly #queue: Segment[] = [];
  #bytes = 0;
  #mustDrain = false;
  #lastArrivalMs = 0;
  #again: Appointment | undefined;
  #pauseMs: number;
  #stuckSinceMs: number | undefined;

  constructor(wire: StreamWire, process: SimProcess, peerHost: string) {
    this.#wire = wire;
    this.process = process;
    this.#peerHost = peerHost;
    this.remoteAddress = peerHost;
    this.#pauseMs = wire.retransmitMs;
  }

  get isOver(): boolean {
    return this.#state === 'over' || this.#state === 'dead';
  }

  get bufferedBytes(): number {
    return this.#bytes;
  }

  join(other: StreamEnd, onOver: () => void): void {
    this.#other = other;
    this.#onOver = onOver;
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    for (const happen of this.#early.splice(0)) happen();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return true;
    this.#bytes += bytes.length;
    this.#send(Uint8Array.from(bytes)); // Nodes share no memory.
    this.#mustDrain = this.#bytes > WINDOW_BYTES;
    return !this.#mustDrain;
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#send('end');
  }

  destroy(): void {
    if (this.isOver) return;
    this.#resetOther();
    this.#end(undefined);
  }

  /** The process is gone. */
  die(hostIsGone: boolean): void {
    const wasOver = this.isOver;
    this.#hostIsGone = hostIsGone;
    this.#state = 'dead';
    this.#again?.cancel();
    if (!hostIsGone && !wasOver) this.#resetOther();
    this.#onOver();
  }

  hurry(): void {
    if (this.#again === undefined) return;
    this.#again.cancel();
    this.#again = undefined;
    this.#pauseMs = this.#wire.retransmitMs;
    this.#pump();
  }

  #send(segment: Segment): void {
    this.#queue.push(segment);
    if (this.#again === undefined) this.#pump();
  }

  #pump(): void {
    const { agenda } = this.#wire;
    for (let segment = this.#queue[0]; segment !== undefined; segment = this.#queue[0]) {
      if (this.isOver) return;
      const bytes = segment === 'end' ? 40 : segment.length;
      const at = this.#wire.arrival(this.process.name, this.#peerHost, bytes);
      if (at === undefined) return this.#tryAgain();
      this.#queue.shift();
      this.#lastArrivalMs = Math.max(this.#lastArrivalMs, at);
      const sent = segment;
      agenda.after(this.#lastArrivalMs - agenda.nowMs, () => this.#arrived(sent));
    }
  }

  #tryAgain(): void {
    const { agenda, deadMs } = this.#wire;
    this.#stuckSinceMs ??= agenda.nowMs;
    if (agenda.nowMs - this.#stuckSinceMs >= deadMs) {
      this.#end(new Error(`nothing got through for ${deadMs} ms`));
      return;
    }
    this.#again = agenda.after(this.#pauseMs, () => {
      this.#again = undefined;
      this.#pump();
    });
    this.#pauseMs = Math.min(this.#pauseMs * 2, RETRANSMIT_MS_MAX);
  }

  /** What this end has sent is at the other. */
  #arrived(segment: Segment): void {
    const other = this.#other;
    if (other === undefined || this.isOver) return;
    if (other.#state === 'dead') {
      // A host that is off says nothing, so its peer goes on until it gives up.
      if (!other.#hostIsGone) other.#resetOther();
      else if (segment !== 'end') this.#unanswered(segment);
      return;
    }
    this.#stuckSinceMs = undefined;
    this.#pauseMs = this.#wire.retransmitMs;
    if (segment !== 'end') {
      this.#bytes -= segment.length;
      if (this.#mustDrain && this.#bytes <= WINDOW_BYTES / 2) {
        this.#mustDrain = false;
        this.#happens(() => this.#handler?.drained?.());
      }
    }
    other.#take(segment, this.process.name);
    if (segment === 'end') this.#end(undefined);
  }

  /** Sent into the void: as if lost. */
  #unanswered(segment: Uint8Array): void {
    this.#queue.unshift(segment);
    if (this.#again === undefined) this.#tryAgain();
  }

  #take(segment: Segment, from: string): void {
    if (this.isOver) return;
    if (segment === 'end') return this.#end(undefined);
    this.#happens(() => {
      this.#wire.onData(from, this.process.name, segment.length);
      this.#handler?.data(segment);
      // As a socket does, whose memory is read into again.
      if (this.#handler?.readsInPlace === true) segment.fill(0xa5);
    });
  }

  #resetOther(): void {
    const { agenda } = this.#wire;
    const other = this.#other;
    const at = this.#wire.arrival(this.process.name, this.#peerHost, 40);
    if (other === undefined || at === undefined) return;
    agenda.after(at - agenda.nowMs, () => other.#end(new Error('connection reset by peer')));
  }

  #end(error: Error | undefined): void {
    if (this.isOver) return;
    this.#state = 'over';
    this.#again?.cancel();
    this.#queue.length = 0;
    this.#happens(() => this.#handler?.closed(error));
    this.#onOver();
  }

  #happens(event: () => void): void {
    this.process.happens('input', () => {
      if (this.#handler === undefined) this.#early.push(event);
      else event();
    });
  }
}
