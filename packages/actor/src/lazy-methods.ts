/** Method names that a reference keeps for itself, or that the language would call by itself. */
export type ReservedName = 'tell' | 'with' | 'then' | 'toJSON' | keyof typeof Object.prototype;

const reserved: ReadonlySet<string> = new Set([
  'tell',
  'with',
  'then',
  'toJSON',
  ...Object.getOwnPropertyNames(Object.prototype),
]);

export function isReservedName(name: string): boolean {
  return reserved.has(name);
}

/**
 * Ends the prototype chain in a Proxy of `end`. The first use of a method name lands there and
 * defines that method on `prototype`; every later use is an ordinary property read, at an ordinary
 * call's cost.
 */
export function definesMethodsLazily<T extends object>(
  prototype: T,
  end: object,
  method: (name: string) => (this: T, ...args: unknown[]) => unknown,
): void {
  const proxy = new Proxy(end, {
    get(target, name, receiver): unknown {
      // `then` must stay undefined, or awaiting a reference would call its actor.
      if (typeof name !== 'string' || reserved.has(name)) {
        return Reflect.get(target, name, receiver);
      }
      const value = method(name);
      Object.defineProperty(prototype, name, { value });
      return value;
    },
  });
  Object.setPrototypeOf(prototype, proxy);
}
