import { NotSerializable } from '@troupe/actor';
import { channelBehind, isRef } from '@troupe/actor/internal';
import { CborCodec } from './cbor-codec.ts';
import type { ValuePort } from './codec.ts';
import { isClass } from './loans.ts';
import { type ErrorClass, errorFromWire, errorToWire } from './wire-error.ts';

const LIVE = 0;
const ERROR = 1;
const FUNCTION = 2;

type Copy = (value: unknown, at: string) => unknown;
type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Makes of a value what another node would get, for tests within one process: `transparency` of a
 * system. References, channel ends, streams and signals stay what they are, functions become
 * asynchronous; all else goes through the codec.
 * @param classes of errors that arrive as themselves, as in `startNode({ errors })`
 */
export function wireCopy(classes: readonly ErrorClass[] = []): Copy {
  const codec = new CborCodec();
  const functions = new Functions((value, at) => copy(value, at));
  const copy: Copy = (value, at) => {
    const live: object[] = [];
    const port: ValuePort = {
      dehydrate(object) {
        if (object instanceof Error) {
          return { tag: ERROR, content: errorToWire(object, { classes }) };
        }
        const tag = typeof object === 'function' ? FUNCTION : LIVE;
        return isLive(object, at) ? { tag, content: live.push(object) - 1 } : undefined;
      },
      hydrate(tag, content) {
        if (tag === ERROR) return errorFromWire(content, classes);
        const object = live[content as number];
        return tag === FUNCTION ? functions.arrived(object as AnyFunction) : object;
      },
    };
    const [frame] = codec.decodeSequence(codec.encode([value], port, [at]), port);
    return frame?.[0];
  };
  return copy;
}

/** Whether `object` is used from elsewhere, rather than copied. */
function isLive(object: object, at: string): boolean {
  if (isRef(object)) return true;
  if (typeof object === 'function') return !isClass(object);
  const end = channelBehind(object)?.end;
  if (end === 'both') {
    throw new NotSerializable(at, 'it is a whole channel: pass on its .sender or .receiver');
  }
  return end !== undefined || object instanceof AbortSignal || Symbol.asyncIterator in object;
}

/** Functions as they arrive: asynchronous, one for each that was sent, and at home themselves. */
class Functions {
  readonly #copy: Copy;
  readonly #stubs = new WeakMap<AnyFunction, AnyFunction>();
  readonly #bodies = new WeakMap<AnyFunction, AnyFunction>();

  constructor(copy: Copy) {
    this.#copy = copy;
  }

  arrived(body: AnyFunction): AnyFunction {
    const known = this.#bodies.get(body) ?? this.#stubs.get(body);
    if (known !== undefined) return known;
    const stub = async (...args: unknown[]): Promise<unknown> => {
      const result = await body(...(this.#copy(args, 'args') as unknown[]));
      return this.#copy(result, 'result');
    };
    Object.defineProperty(stub, Symbol.dispose, { value: () => undefined });
    this.#stubs.set(body, stub);
    this.#bodies.set(stub, body);
    return stub;
  }
}
