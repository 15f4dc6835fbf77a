import {
  type Command,
  type Consensus,
  type DiskStore,
  Engine,
  type GroupOptions,
  openStore,
  type SnapshotSource,
  type StateMachine,
  TransportWire,
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

/** The log and the snapshots of a node, on its simulated disk. */
export async function openDisk({ name, env, files }: Place): Promise<DiskStore> {
  const log = { cluster: 'world', node: name, env, segmentBytes: 16_384, reserveBytes: 0 };
  const opened = await openStore(files, log);
  if (opened.verdict === 'corrupt') throw new Error(`the log of ${name} is damaged`);
  return opened.store;
}

/** A whole node with one group, its lines over the simulated network. */
export async function openGroup<R>(
  place: Place,
  options: Omit<GroupOptions<R>, 'group'>,
): Promise<Consensus<R>> {
  const { name, env, transport, listen } = place;
  const addressOf = (node: string): string => listen.replace(name, node);
  const wire = new TransportWire({ env, listen, transport, addressOf });
  const store = await openDisk(place);
  return new Engine({ node: name, env, wire, store }).open({ group: 'g', ...options });
}
