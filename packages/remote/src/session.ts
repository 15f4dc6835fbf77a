import type { Env, Timer } from '@troupe/actor';
import { Assembler } from './assembler.ts';
import { BadFrame } from './bad-frame.ts';
import { deflated, inflated } from './compression.ts';
import {
  ACK_NOW,
  BATCH_BYTES_MAX,
  CHUNK,
  DEFLATED,
  type Envelope,
  FLAGS_AT,
  Garbled,
  HEADER_BYTES,
  LINK,
  packAround,
  packEnvelope,
} from './envelope.ts';
import { Flight } from './flight.ts';
import type { FrameMemory } from './frame-memory.ts';
import type { Link } from './link.ts';
import { Outbox } from './outbox.ts';
import { type Packed, ResendBuffer } from './resend-buffer.ts';

/** What may be under way and not acknowledged; while it is, nothing more leaves. */
const UNACKNOWLEDGED_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of large frames that leave before input and timers have their turn. */
const LARGE_BYTES_A_TURN = 128 * 1024;
/** Received bytes that are acknowledged at the end of a read; fewer ride on what is sent anyway. */
const ACKNOWLEDGE_BYTES = 64 * 1024;
/**
 * Small frames that leave at once, however many more the same turn of the event loop brings: so the
 * peer is awake and at work on the first few, and then on each batch, while the next one is made.
 */
const FIRST_FRAMES = 4;
const NEXT_FRAMES = 128;
/** What is written in one go, as far as there is so much. */
const WRITE_BYTES = 64 * 1024;
/** How long the peer may take to read the last of what it is sent. */
const CLOSE_TIMEOUT_MS = 2_000;
/** What is compressed at all, where both sides want that. */
const DEFLATE_BYTES_MIN = 1_024;

export interface SessionHandler {
  /** Large frames arrive in there. */
  readonly memory: Pick<FrameMemory, 'take'>;
  /**
   * One or more whole frames in a row. Throwing breaks the session.
   * @param isOwn the bytes are the handler's, in a piece of its `memory`; otherwise they change
   *   when this has returned
   */
  frames(bytes: Uint8Array, isOwn: boolean): void;
  /** A frame about the connection alone. */
  linkFrame(bytes: Uint8Array): void;
  /** The peer has a large frame whole: this side reads its bytes no more. */
  arrived(frame: Uint8Array): void;
  /** What waited to be sent may have become less. */
  drained(): void;
  /** The first sign of life on a new connection. */
  proved(): void;
  /** The connection has ended, or was given up; the session waits for another one. */
  detached(reason: Error): void;
  /** The peer does not keep to the protocol: no connection will mend that. */
  broken(error: Error): void;
}

/** How a frame stands to the others of its session. */
export interface Placing {
  /** Frames with the same key (the same by `===`) arrive in the order they were sent. */
  readonly key: unknown;
  /** The call that the frame begins, to be told whether it has left. */
  readonly call?: number;
  /**
   * It is taken though much waits already: what it gives back, or takes back, the peer would
   * otherwise keep for as long as the session lasts.
   */
  readonly mustLeave?: boolean;
}

/**
 * What two incarnations of nodes say to each other, in order and without gaps, over one connection
 * after another. Envelopes are numbered; what the peer has not acknowledged is kept, and sent
 * again when a new connection has been made, from the first that the peer says it lacks.
 */
export class Session {
  /** What both sides call it; empty until the first connection. */
  id = '';
  protocol = 0;
  /** Of the last connection: that it has ended means that the peer has. */
  tellsOfDeath = false;
  readonly #env: Env;
  readonly #handler: SessionHandler;
  readonly #outbox = new Outbox();
  readonly #unacknowledged: ResendBuffer;
  readonly #assembler: Assembler;
  readonly #flight = new Flight();
  #deflates = false;
  #link: Link | undefined;
  /** Envelopes numbered, those of them that the peer has, and those received from it. */
  #sent = 0;
  #arrived = 0;
  #received = 0;
  /** Received and not yet acknowledged. */
  #untoldBytes = 0;
  #owesAck = false;
  #hasRoom = true;
  #flushScheduled = false;
  /** So many small frames do not wait for the end of the turn. */
  #framesMax = FIRST_FRAMES;
  #isProved = false;
  /** Bytes of large frames that have left since input and timers had their turn. */
  #largeBytes = 0;
  #closing: Error | undefined;
  #closeTimer: Timer | undefined;
  #closed: (() => void) | undefined;

  constructor(env: Env, handler: SessionHandler) {
    this.#env = env;
    this.#handler = handler;
    this.#assembler = new Assembler(handler.memory);
    this.#unacknowledged = new ResendBuffer((frame) => handler.arrived(frame));
  }

  get isAttached(): boolean {
    return this.#link !== undefined;
  }

  get received(): number {
    return this.#received;
  }

  /** Bytes that wait to be sent for the first time. */
  get queuedBytes(): number {
    return this.#outbox.bytes;
  }

  get lastReceivedAt(): number {
    return this.#link?.lastReceivedAt ?? 0;
  }

  /** Takes one encoded frame, to leave when nobody goes on at once. Owns `bytes`. */
  send(bytes: Uint8Array, { key, call = 0 }: Placing): void {
    this.#outbox.push(bytes, key, call);
    this.#scheduleFlush();
    if (this.#outbox.bytes >= BATCH_BYTES_MAX) this.#write();
    else if (this.#outbox.smallFrames >= this.#framesMax) {
      this.#framesMax = NEXT_FRAMES;
      this.#write();
    }
  }

  /** The same ahead of all that waits. */
  sendControl(bytes: Uint8Array): void {
    this.#outbox.pushControl(bytes);
    this.#scheduleFlush();
  }

  /** Says something about the present connection, at once, unless that is full. */
  sendOnLink(bytes: Uint8Array | undefined): void {
    if (this.#link === undefined || !this.#hasRoom) return;
    const parts = bytes === undefined ? [] : [bytes];
    this.#owesAck = false;
    this.#untoldBytes = 0;
    const head = { flags: LINK, sequence: 0, acknowledged: this.#received };
    const envelope = packEnvelope(head, parts, bytes?.length ?? 0);
    this.#hasRoom = this.#link.write(envelope);
  }

  /** Tells the peer what has arrived, if nothing else did. */
  acknowledge(): void {
    if (this.#untoldBytes > 0) this.sendOnLink(undefined);
  }

  /** The calls whose frames have never left. */
  unsentCalls(): ReadonlySet<number> {
    return new Set(this.#outbox.unsentCalls());
  }

  /** Frames that have left, in runs as they did, of which no word has come. */
  *inDoubt(): Iterable<Uint8Array> {
    for (const { parts, completes } of this.#unacknowledged.unacknowledged()) {
      const [envelope] = parts;
      const flags = envelope?.[FLAGS_AT] ?? 0;
      if (completes !== undefined) yield completes;
      if (envelope === undefined || (flags & CHUNK) !== 0) continue;
      const body = envelope.subarray(HEADER_BYTES);
      yield (flags & DEFLATED) === 0 ? body : inflated(body);
    }
  }

  /** Frames that have not left, or not in full. */
  unsent(): Iterable<Uint8Array> {
    return this.#outbox.unsent();
  }

  /** Whether a peer that has so many of this side's envelopes can be given all others. */
  canGoOnFrom(arrived: number): boolean {
    return arrived >= this.#arrived && arrived <= this.#sent;
  }

  /**
   * Goes on over a new connection.
   * @param arrived how many of this side's envelopes the peer has; see `canGoOnFrom`
   */
  attach(link: Link, arrived: number): void {
    this.#arrive(arrived - this.#arrived);
    this.#unacknowledged.rewind();
    this.#flight.reset();
    this.#link = link;
    this.tellsOfDeath = link.tellsOfDeath;
    this.#deflates = link.agreement.deflates;
    this.#isProved = false;
    this.#hasRoom = true;
    link.start({
      envelope: (envelope) => this.#link === link && this.#receive(link, envelope),
      broken: (error) => this.#link === link && this.#handler.broken(error),
      readEnded: () => this.#link === link && this.#readEnded(),
      drained: () => this.#link === link && this.#drained(),
      closed: (reason) => this.#link === link && this.lose(reason),
    });
    if (this.#link !== link) return; // It has ended before it could begin.
    this.sendOnLink(undefined);
    this.#flush();
  }

  /** Lets go of the connection, without a word; the session stays. */
  detach(reason: Error): void {
    this.#link?.destroy(reason);
    this.#link = undefined;
  }

  /** The same for a connection that proved unfit, and tells so. */
  lose(reason: Error): void {
    if (this.#link === undefined) return;
    this.detach(reason);
    this.#closeTimer?.cancel();
    this.#handler.detached(reason);
    this.#closed?.();
  }

  /**
   * Sends what waits, then ends the connection; of what still comes only receipts are read.
   * @param closed told when the connection is gone, whether or not all has left by then
   */
  close(reason: Error, closed: () => void): void {
    this.#closing = reason;
    this.#closed = closed;
    this.#closeTimer = this.#env.setTimer(CLOSE_TIMEOUT_MS, () => this.lose(reason));
    this.#flush();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#link === undefined) return;
    this.#flushScheduled = true;
    if (this.#env.afterPromises !== undefined) this.#env.afterPromises(this.#onFlush);
    else void settled.then(this.#onFlush);
  }

  readonly #onFlush = (): void => {
    this.#flushScheduled = false;
    this.#framesMax = FIRST_FRAMES;
    this.#flush();
    // Unless large frames, which may wait for the end of this turn, can take it along.
    if (this.#largeBytes === 0) this.#acknowledgeIfDue();
  };

  /** Nobody else is told meanwhile: who sends is in the middle of something. */
  #write(): void {
    while (this.#link !== undefined && this.#hasRoom) {
      const parts = this.#nextParts();
      if (parts.length === 0) break;
      this.#hasRoom = this.#link.writeAll(parts);
    }
  }

  #flush(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#write();
    const isDone = this.#outbox.isEmpty && this.#hasRoom;
    if (this.#closing !== undefined && isDone) link.close(this.#closing);
    this.#handler.drained();
  }

  /** What leaves in one write. */
  #nextParts(): readonly Uint8Array[] {
    const parts: Uint8Array[] = [];
    for (let bytes = 0; bytes < WRITE_BYTES;) {
      const envelope = this.#unacknowledged.next() ?? this.#pack();
      if (envelope === undefined) break;
      parts.push(...envelope.parts);
      bytes += envelope.bytes;
    }
    return parts;
  }

  #pack(): Packed | undefined {
    const { bytes } = this.#unacknowledged;
    if (this.#outbox.isEmpty || bytes >= UNACKNOWLEDGED_BYTES_MAX) return undefined;
    const isFull = this.#outbox.hasLarge && bytes >= this.#flight.windowBytes;
    if (isFull) this.#flight.limited();
    const isBlocked = isFull || this.#largeBytes >= LARGE_BYTES_A_TURN;
    const load = this.#outbox.take(!isBlocked);
    if (load === undefined) return undefined;
    let { flags, parts, bytes: bodyBytes } = load;
    if (this.#deflates && bodyBytes >= DEFLATE_BYTES_MIN) {
      const smaller = deflated(parts, bodyBytes);
      if (smaller !== undefined) {
        flags |= DEFLATED;
        parts = [smaller];
        bodyBytes = smaller.length;
      }
    }
    this.#sent += 1;
    const isLarge = (flags & CHUNK) !== 0;
    if (isLarge) this.#countLarge(bodyBytes);
    if (isLarge && this.#flight.leaves(this.#sent, this.#env.now())) flags |= ACK_NOW;
    this.#owesAck = false;
    this.#untoldBytes = 0;
    const head = { flags, sequence: this.#sent, acknowledged: this.#received };
    const isWhole = (flags & (CHUNK | DEFLATED)) === CHUNK;
    const envelope = {
      parts: isWhole ? packAround(head, parts, bodyBytes) : [packEnvelope(head, parts, bodyBytes)],
      bytes: HEADER_BYTES + bodyBytes,
      completes: load.completes,
    };
    this.#unacknowledged.add(envelope);
    this.#unacknowledged.next();
    return envelope;
  }

  /**
   * All that the window allows at once would keep small frames, which come meanwhile, waiting.
   * Where runs must repeat exactly there is no input that could come.
   */
  #countLarge(bytes: number): void {
    if (this.#env.afterPromises === undefined) return;
    if (this.#largeBytes === 0) this.#env.afterIo(this.#onTurn);
    this.#largeBytes += bytes;
  }

  readonly #onTurn = (): void => {
    this.#largeBytes = 0;
    this.#flush();
    this.#acknowledgeIfDue();
  };

  #receive(link: Link, envelope: Envelope): void {
    try {
      this.#take(envelope);
    } catch (error) {
      if (this.#link !== link) return;
      if (error instanceof Garbled) this.lose(error);
      else this.#handler.broken(error instanceof Error ? error : new BadFrame(String(error)));
    }
  }

  #take({ flags, sequence, acknowledged, body }: Envelope): void {
    this.#arrive((acknowledged - this.#arrived) | 0);
    if (this.#closing !== undefined) return; // What it has told makes room for what waits yet.
    if (!this.#isProved) {
      this.#isProved = true;
      this.#handler.proved();
    }
    if ((flags & ACK_NOW) !== 0) this.#owesAck = true;
    if ((flags & LINK) !== 0) {
      if (body.length > 0) this.#handler.linkFrame(body);
      return;
    }
    if (sequence !== (this.#received + 1) >>> 0) {
      throw new BadFrame(`envelope ${sequence} after ${this.#received}`);
    }
    if (body.length === 0) throw new BadFrame('an envelope without a frame');
    this.#received += 1;
    this.#untoldBytes += body.length;
    const bytes = (flags & DEFLATED) === 0 ? body : inflated(body);
    const isPiece = (flags & CHUNK) !== 0;
    const whole = isPiece ? this.#assembler.push(bytes) : bytes;
    if (whole !== undefined) this.#handler.frames(whole, isPiece);
  }

  /** @param count envelopes that have arrived besides those known of; none when it is old news */
  #arrive(count: number): void {
    if (count <= 0) return;
    if (count > this.#unacknowledged.length) {
      throw new BadFrame(`${count} envelopes acknowledged of ${this.#unacknowledged.length}`);
    }
    this.#arrived += count;
    const { bytes } = this.#unacknowledged;
    this.#unacknowledged.acknowledge(count);
    this.#flight.acknowledged(this.#arrived, bytes - this.#unacknowledged.bytes, this.#env.now());
  }

  #readEnded(): void {
    this.#flush(); // Answers leave with the turn that they were made in.
    // With the answers of those who await what was read; by itself, if they have none.
    if (this.#isAckDue) this.#scheduleFlush();
  }

  #acknowledgeIfDue(): void {
    if (this.#isAckDue) this.sendOnLink(undefined);
  }

  get #isAckDue(): boolean {
    return this.#owesAck || this.#untoldBytes >= ACKNOWLEDGE_BYTES;
  }

  #drained(): void {
    this.#hasRoom = true;
    this.#flush();
  }
}

const settled = Promise.resolve();
