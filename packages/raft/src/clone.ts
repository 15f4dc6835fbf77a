/** Copies plain data: objects, arrays and maps. Bytes are never changed here, and are shared. */
export function clone<T>(value: T): T {
  return copy(value) as T;
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(copy);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, copy(each)]));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copy(each)]));
}
