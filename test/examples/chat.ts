import { rendezvous } from 'troupe';
import { Child } from './child.ts';

export interface ChatNode {
  readonly name: string;
  readonly url: string;
  readonly address: string;
  readonly pid: number;
}

export interface Chat extends AsyncDisposable {
  readonly launcher: Child;
  readonly nodes: ReadonlyMap<string, ChatNode>;
}

/** `npm start`, but for npm, which would stand between the test's signals and the launcher. */
export async function startChat(port: number): Promise<Chat> {
  const launcher = new Child('examples/chat/start.mjs', ['--port', String(port)]);
  await launcher.prints(/ready in [\d.]+ s\./);
  const rows = launcher.output.matchAll(/node (\w) +(http\S+) +cluster (\S+) +pid (\d+)/g);
  const nodes = new Map<string, ChatNode>();
  for (const [, name = '', url = '', address = '', pid] of rows) {
    nodes.set(name, { name, url, address, pid: Number(pid) });
  }
  return { launcher, nodes, [Symbol.asyncDispose]: () => launcher[Symbol.asyncDispose]() };
}

/** A name for a room that will live on `node`, one of a, b and c. */
export function roomOn(node: string): string {
  const members = ['a', 'b', 'c'].map((name) => ({
    name,
    incarnation: '1',
    address: '',
    state: 'alive' as const,
    meta: { kinds: ['room'] },
  }));
  for (let i = 0; ; i += 1) {
    const key = `room-${i}`;
    if (rendezvous().ownerOf({ kind: 'room', key }, members)?.name === node) return key;
  }
}
