import {
  BATCH_BYTES_MAX,
  CHUNK,
  PIECE_HEADER_BYTES,
  WHOLE_FRAME_BYTES_MAX,
  writeU32,
} from './envelope.ts';

/** What may wait to be sent to one peer. One frame more is taken while less than this waits. */
export const OUTBOX_BYTES_MAX: number = 16 * 1024 * 1024;
/** How much of one large frame leaves before the next one has its turn. */
const PIECE_BYTES = 64 * 1024;
/** Its last piece may be so much more, or many a frame would end with a piece of a few bytes. */
const LAST_PIECE_MORE_BYTES = 16 * 1024;

/** What goes into one envelope. */
export interface Load {
  readonly flags: number;
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  /** The large frame whose last piece this is. */
  readonly completes?: Uint8Array | undefined;
}

/** Frames of one sender to one receiver that wait behind a large one, itself the first of them. */
interface Stream {
  readonly entries: { readonly frame: Uint8Array; readonly call: number }[];
  /** How many small frames had come before it; they leave first. */
  readonly after: number;
  /** Number and progress of the large frame at the front. */
  message: number;
  sentBytes: number;
}

/**
 * What is to be sent to one peer, and the order it leaves in. Control frames go first. Small
 * frames go in batches, in order. Large ones go in pieces, one of each in turn, and take turns
 * with the small; frames with the same `key` never overtake one another.
 */
export class Outbox {
  #control: Uint8Array[] = [];
  #controlBytes = 0;
  #small: Uint8Array[] = [];
  #calls: number[] = [];
  #head = 0;
  /** Small frames that have left. */
  #left = 0;
  readonly #streams = new Map<unknown, Stream>();
  #smallHadItsTurn = false;
  #lastMessage = 0;
  /** Of large frames that have left in part: the peer keeps memory for all of each. */
  #begunBytes = 0;
  #bytes = 0;

  /** All that waits; a large frame counts in full until its last piece has left. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Small frames that wait, control frames aside. */
  get smallFrames(): number {
    return this.#small.length - this.#head;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** Large frames wait. */
  get hasLarge(): boolean {
    return this.#streams.size > 0;
  }

  pushControl(frame: Uint8Array): void {
    this.#control.push(frame);
    this.#controlBytes += frame.length;
    this.#bytes += frame.length;
  }

  /**
   * @param key what keeps its order; frames with different keys may overtake one another
   * @param call the call that the frame begins, to be told whether it has left; 0 for none
   */
  push(frame: Uint8Array, key: unknown, call: number): void {
    this.#bytes += frame.length;
    const isLarge = frame.length > WHOLE_FRAME_BYTES_MAX;
    if (isLarge || this.#streams.size > 0) {
      const stream = this.#streams.get(key);
      if (stream !== undefined) {
        stream.entries.push({ frame, call });
        return;
      }
      if (isLarge) {
        const after = this.#left + this.smallFrames;
        this.#streams.set(key, { entries: [{ frame, call }], after, message: 0, sentBytes: 0 });
        return;
      }
    }
    this.#small.push(frame);
    this.#calls.push(call);
  }

  /** @param withLarge whether pieces of large frames may leave now */
  take(withLarge: boolean): Load | undefined {
    const hasSmall = this.#controlBytes > 0 || this.#head < this.#small.length;
    if (withLarge && this.#streams.size > 0 && (!hasSmall || this.#smallHadItsTurn)) {
      const piece = this.#takePiece();
      if (piece !== undefined) return piece;
    }
    if (!hasSmall) return undefined;
    this.#smallHadItsTurn = true;
    return this.#takeSmall();
  }

  /** The calls whose frames have not left, not even in part. */
  *unsentCalls(): Iterable<number> {
    yield* this.#calls.slice(this.#head);
    for (const { entries, sentBytes } of this.#streams.values()) {
      for (const { call } of sentBytes > 0 ? entries.slice(1) : entries) yield call;
    }
  }

  /** What has not left, or not in full. */
  *unsent(): Iterable<Uint8Array> {
    yield* this.#small.slice(this.#head);
    for (const { entries } of this.#streams.values()) for (const { frame } of entries) yield frame;
  }

  #takeSmall(): Load {
    const parts = this.#control;
    let bytes = this.#controlBytes;
    this.#control = [];
    this.#controlBytes = 0;
    let next = this.#head;
    for (; next < this.#small.length && bytes < BATCH_BYTES_MAX; next += 1) {
      const frame = this.#small[next] ?? NOTHING;
      parts.push(frame);
      bytes += frame.length;
    }
    this.#left += next - this.#head;
    this.#head = next;
    this.#bytes -= bytes;
    this.#compact();
    return { flags: 0, parts, bytes };
  }

  #compact(): void {
    if (this.#head === this.#small.length) {
      this.#small = [];
      this.#calls = [];
    } else if (this.#head >= 16_384) {
      this.#small.splice(0, this.#head);
      this.#calls.splice(0, this.#head);
    } else return;
    this.#head = 0;
  }

  /** From the stream that has waited longest; it goes to the end of the queue. */
  #takePiece(): Load | undefined {
    for (const [key, stream] of this.#streams) {
      if (stream.after > this.#left || !this.#mayGoOn(stream)) continue;
      this.#smallHadItsTurn = false;
      this.#streams.delete(key);
      const load = this.#pieceOf(stream);
      if (stream.entries.length > 0) this.#streams.set(key, stream);
      return load;
    }
    return undefined;
  }

  /** Answers may be more than the peer takes at a time: further ones are begun as others end. */
  #mayGoOn({ entries, sentBytes }: Stream): boolean {
    const bytes = entries[0]?.frame.length ?? 0;
    if (sentBytes > 0 || bytes <= WHOLE_FRAME_BYTES_MAX || this.#begunBytes === 0) return true;
    return this.#begunBytes + bytes <= OUTBOX_BYTES_MAX;
  }

  #pieceOf(stream: Stream): Load {
    const frame = stream.entries[0]?.frame ?? NOTHING;
    if (frame.length <= WHOLE_FRAME_BYTES_MAX) {
      stream.entries.shift();
      this.#bytes -= frame.length;
      return { flags: 0, parts: [frame], bytes: frame.length };
    }
    if (stream.sentBytes === 0) {
      stream.message = this.#lastMessage = (this.#lastMessage + 1) >>> 0;
      this.#begunBytes += frame.length;
    }
    const head = new Uint8Array(PIECE_HEADER_BYTES);
    writeU32(head, 0, stream.message);
    writeU32(head, 4, frame.length);
    const isLast = frame.length - stream.sentBytes <= PIECE_BYTES + LAST_PIECE_MORE_BYTES;
    const end = isLast ? frame.length : stream.sentBytes + PIECE_BYTES;
    const piece = frame.subarray(stream.sentBytes, end);
    stream.sentBytes = end;
    if (isLast) {
      stream.entries.shift();
      stream.sentBytes = 0;
      this.#begunBytes -= frame.length;
      this.#bytes -= frame.length;
    }
    const bytes = head.length + piece.length;
    return { flags: CHUNK, parts: [head, piece], bytes, completes: isLast ? frame : undefined };
  }
}

const NOTHING = new Uint8Array();
