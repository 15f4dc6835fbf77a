import type { Codec, ValuePort } from './codec.ts';
import { CAST, FrameReader } from './frames.ts';
import type { NamesGiven } from './names.ts';

/** A message that nobody waits for, of a session that is over. */
export interface LostTell {
  /** Address of whom it was for; of an actor that is no entity, its node and number. */
  readonly to: string;
  readonly method: string;
}

/** What the tells of one session were, should it end. */
export interface TellReader {
  readonly codec: Pick<Codec, 'decodeSequence'>;
  /** Name of the other node. */
  readonly peer: string;
  /** What the session's numbers stand for. */
  readonly names: NamesGiven['given'];
}

/** Nothing is made of what was only on its way. */
const INERT: ValuePort = { dehydrate: () => undefined, hydrate: () => undefined };
/** An array of up to 23 elements, as all frames are. */
const ARRAY = 0x80;
const ARRAY_END = 0x98;

/**
 * The tells to actors among frames that were sent, or were to be: whoever sent them kept nothing
 * of them, so that a tell costs no more than its bytes. The runtime's own are left out.
 * @param runs frames in a row
 */
export function* tellsIn(runs: Iterable<Uint8Array>, reader: TellReader): Iterable<LostTell> {
  for (const run of runs) {
    for (const frame of reader.codec.decodeSequence(run, INERT)) {
      if (frame[0] !== CAST) continue;
      const tell = tellOf(new FrameReader(frame), reader);
      if (tell !== undefined) yield tell;
    }
  }
}

/** Whether these are the bytes of one frame that is a tell. */
export function isTell(frame: Uint8Array): boolean {
  const [array = 0, type] = frame;
  return array >= ARRAY && array < ARRAY_END && type === CAST;
}

function tellOf(frame: FrameReader, { peer, names }: TellReader): LostTell | undefined {
  const target = frame.target();
  const name = frame.name();
  const method = typeof name === 'number' ? (names.methods[name] ?? '') : name;
  if (typeof target === 'string' || method.startsWith('~')) return undefined;
  if (typeof target === 'object') return { to: `${target[0]}/${target[1]}`, method };
  const to = target < 0 ? (names.entities[-1 - target] ?? '') : `${peer}/#${target}`;
  return { to, method };
}
