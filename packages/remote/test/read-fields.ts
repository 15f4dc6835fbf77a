import { types } from 'node:util';

/** Notes which fields of frames are read, as `8[6].trace`: element 6 of a frame of type 8. */
export class ReadFields {
  readonly paths = new Set<string>();

  /** The same frame, whose reader is watched. */
  watched(frame: readonly unknown[]): unknown[] {
    return this.#watch(frame, String(frame[0])) as unknown[];
  }

  #watch(value: object, path: string): object {
    return new Proxy(value, {
      get: (target, key) => {
        const found: unknown = Reflect.get(target, key, target);
        const step = stepTo(target, key);
        if (step === undefined) return found;
        this.paths.add(path + step);
        return isPlain(found) ? this.#watch(found, path + step) : found;
      },
    });
  }
}

/** The paths of all that is in a frame. */
export function fieldsOf(frame: readonly unknown[]): readonly string[] {
  const paths: string[] = [];
  const visit = (value: object, path: string): void => {
    for (const [key, inner] of Object.entries(value)) {
      const within = `${path}${stepTo(value, key)}`;
      paths.push(within);
      if (isPlain(inner)) visit(inner, within);
    }
  };
  visit(frame, String(frame[0]));
  return paths;
}

/** @returns undefined for what every array and every object has */
function stepTo(value: object, key: string | symbol): string | undefined {
  if (typeof key === 'symbol') return undefined;
  if (Array.isArray(value)) return /^\d+$/.test(key) ? `[${key}]` : undefined;
  return key in Object.prototype ? undefined : `.${key}`;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
