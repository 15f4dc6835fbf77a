import type { File, Files } from '@troupe/consensus';

/** Files that are nothing but their bytes: to try many damaged copies of one disk. */
export class MapFiles implements Files {
  readonly contents: Map<string, Uint8Array>;

  constructor(contents: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.contents = new Map([...contents].map(([name, bytes]) => [name, bytes.slice()]));
  }

  async open(path: string, options?: { readonly create?: boolean }): Promise<File> {
    const cell = { bytes: this.contents.get(path) ?? new Uint8Array() };
    if (!this.contents.has(path) && options?.create !== true) throw new Error(`no ${path}`);
    this.contents.set(path, cell.bytes);
    const resize = (size: number): void => {
      const bytes = new Uint8Array(size);
      bytes.set(cell.bytes.subarray(0, size));
      for (const [name, held] of this.contents) {
        if (held === cell.bytes) this.contents.set(name, bytes);
      }
      cell.bytes = bytes;
    };
    return {
      size: async () => cell.bytes.length,
      read: async (offset, length) => cell.bytes.slice(offset, offset + length),
      async write(offset, bytes) {
        if (offset + bytes.length > cell.bytes.length) resize(offset + bytes.length);
        cell.bytes.set(bytes, offset);
      },
      truncate: async (size) => resize(size),
      sync: async () => {},
      close: async () => {},
    };
  }

  async list(): Promise<readonly string[]> {
    return [...this.contents.keys()];
  }

  async rename(from: string, to: string): Promise<void> {
    const bytes = this.contents.get(from);
    if (bytes === undefined) throw new Error(`no ${from}`);
    this.contents.delete(from);
    this.contents.set(to, bytes);
  }

  async remove(path: string): Promise<void> {
    this.contents.delete(path);
  }

  async syncDirectory(): Promise<void> {}
}
