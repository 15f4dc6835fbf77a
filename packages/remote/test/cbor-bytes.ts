/** Builds CBOR item by item, well-formed or not, for what no encoder of ours would write. */
export function head(major: number, argument: number): Uint8Array {
  const type = major << 5;
  if (argument < 24) return Uint8Array.of(type | argument);
  if (argument < 0x100) return Uint8Array.of(type | 24, argument);
  if (argument < 0x10000) return Uint8Array.of(type | 25, argument >> 8, argument);
  const bytes = new Uint8Array(5);
  bytes[0] = type | 26;
  new DataView(bytes.buffer).setUint32(1, argument);
  return bytes;
}

export function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Buffer.concat(parts.map((part) => Uint8Array.from(part)));
}

export function uint(value: number): Uint8Array {
  return head(0, value);
}

export function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return join(head(3, bytes.length), bytes);
}

export function bytes(length: number, fill = 0xff): Uint8Array {
  return join(head(2, length), new Uint8Array(length).fill(fill));
}

export function array(...items: readonly Uint8Array[]): Uint8Array {
  return join(head(4, items.length), ...items);
}

/** Keys and values in turn. */
export function map(...items: readonly Uint8Array[]): Uint8Array {
  return join(head(5, items.length / 2), ...items);
}

export function tag(number: number, content: Uint8Array): Uint8Array {
  return join(head(6, number), content);
}

export function repeat(times: number, part: Uint8Array): Uint8Array {
  return Buffer.concat(new Array<Uint8Array>(times).fill(part));
}
