import * as consensus from '@troupe/consensus';
import type {
  Command,
  Consensus,
  DiskStore,
  Engine,
  GroupOptions,
  LogOptions,
  SnapshotSource,
  StateMachine,
} from '@troupe/consensus';
import type { Place } from '@troupe/sim';

/** Lists by key. A command is `[key, value]` in JSON. */
export class Lists implements StateMachine<null> {
  readonly version = 1;
  readonly #lists = new Map<string, number[]>();

  of(key: string): readonly number[] {
    return [...(this.#lists.get(key) ?? [])];
  }

  get text(): string {
    return JSON.stringify([...this.#lists].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  apply(batch: readonly Command[]): readonly null[] {
    return batch.map(({ data }) => {
      const [key, value] = JSON.parse(new TextDecoder().decode(data)) as [string, number];
      this.#lists.set(key, [...this.of(key), value]);
      return null;
    });
  }

  snapshot(): SnapshotSource {
    const bytes = new TextEncoder().encode(this.text);
    return { chunks: () => [bytes] };
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = '';
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
    this.#lists.clear();
    for (const [key, values] of JSON.parse(text) as [string, number[]][]) {
      this.#lists.set(key, values);
    }
  }
}

/** The package, or what it is with a mistake. */
export type Kit = typeof consensus;

/** Small, so that a test goes through several. */
export const SEGMENT_BYTES = 16_384;

/** The log and the snapshots of a node, on its simulated disk. */
export async function openDisk(
  { name, env, files }: Place,
  kit: Kit = consensus,
  settings: Partial<LogOptions> = {},
): Promise<DiskStore> {
  const own = { cluster: 'world', node: name, env, segmentBytes: SEGMENT_BYTES, reserveBytes: 0 };
  const opened = await kit.openStore(files, { ...own, ...settings });
  if (opened.verdict === 'corrupt') throw new Error(`the log of ${name} is damaged`);
  return opened.store;
}

/** A whole node, its lines over the simulated network. */
export async function openEngine(
  place: Place,
  kit: Kit = consensus,
  settings?: Partial<LogOptions>,
): Promise<Engine> {
  const { name, env, transport, listen } = place;
  const addressOf = (node: string): string => listen.replace(name, node);
  const wire = new kit.TransportWire({ env, listen, transport, addressOf });
  const store = await openDisk(place, kit, settings);
  return new kit.Engine({ node: name, env, wire, store });
}

/** One with a group. */
export async function openGroup<R>(
  place: Place,
  options: Omit<GroupOptions<R>, 'group'>,
): Promise<Consensus<R>> {
  return (await openEngine(place)).open({ group: 'g', ...options });
}
