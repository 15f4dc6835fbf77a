import { Buffer } from 'buffer/index.js';

/** The codec writes by `Buffer`, which browsers lack; what it uses of it is in both. */
export function provideBuffer(): void {
  if (!('Buffer' in globalThis)) Object.assign(globalThis, { Buffer });
}
