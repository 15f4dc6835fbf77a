/** Puts bytes together whose number is known before. */
export class Writer {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  u8(value: number): void {
    this.bytes[this.#at] = value;
    this.#at += 1;
  }

  u32(value: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.u8((value >>> shift) & 0xff);
  }

  varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.u8((rest % 128) + 128);
    this.u8(rest);
  }

  text(text: string): void {
    this.varint(text.length);
    for (let i = 0; i < text.length; i += 1) this.u8(text.charCodeAt(i));
  }

  blob(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}
