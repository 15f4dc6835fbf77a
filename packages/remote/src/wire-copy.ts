import { NotSerializable } from '@troupe/actor';
import { channelBehind, isRef } from '@troupe/actor/internal';
import { CborCodec } from './cbor-codec.ts';
import type { ValuePort } from './codec.ts';
import { type ErrorClass, errorFromWire, errorToWire } from './wire-error.ts';

const LIVE = 0;
const ERROR = 1;

/**
 * Makes of a value what another node would get, for tests within one process: `transparency` of a
 * system. References and channel ends stay what they are; all else goes through the codec.
 * @param classes of errors that arrive as themselves, as in `startNode({ errors })`
 */
export function wireCopy(
  classes: readonly ErrorClass[] = [],
): (value: unknown, at: string) => unknown {
  const codec = new CborCodec();
  return (value, at) => {
    const live: object[] = [];
    const port: ValuePort = {
      dehydrate(object) {
        if (object instanceof Error) {
          return { tag: ERROR, content: errorToWire(object, { classes }) };
        }
        const end = isRef(object) ? undefined : channelBehind(object);
        if (end?.end === 'both') {
          throw new NotSerializable(at, 'it is a whole channel: pass on its .sender or .receiver');
        }
        if (end === undefined && !isRef(object)) return undefined;
        return { tag: LIVE, content: live.push(object) - 1 };
      },
      hydrate: (tag, content) =>
        tag === LIVE ? live[content as number] : errorFromWire(content, classes),
    };
    const [frame] = codec.decodeSequence(codec.encode([value], port, [at]), port);
    return frame?.[0];
  };
}
