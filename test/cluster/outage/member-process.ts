// One node in a process of its own, which tells all that it learns of the others.
import { command, gossip, Machine, MemoryStore, startNode } from 'troupe';
import type { Begin, Block, Word } from './word.ts';

class Sum extends Machine {
  total = 0;
  @command add(by: number): void {
    this.total += by;
  }
}

const { name, listen, secret, join, thread, voters } = JSON.parse(process.argv[2] ?? '') as Begin;
const node = await startNode({
  name,
  listen,
  secret,
  join,
  actors: [],
  membership: gossip({ thread }),
  consensus: { thread, voters, store: new MemoryStore() },
});

function say(word: Word): void {
  if (process.connected) process.send?.(word);
}

async function watchLead(signal: AbortSignal): Promise<void> {
  await node.replicated(Sum, 'sum');
  for await (const event of node.consensus.get('sum')?.events(signal) ?? []) {
    if (event.kind === 'leader') say(event);
  }
}

process.on('disconnect', () => process.exit()); // Whoever watched it is gone.
process.on('message', ({ forMs }: Block) => {
  const end = performance.now() + forMs;
  while (performance.now() < end);
  say({ kind: 'unblocked' });
});
say({ kind: 'listens', address: node.address ?? '' });
const { signal } = new AbortController();
if (voters.includes(name)) void watchLead(signal);
for await (const { member } of node.watchMembers(signal)) {
  const { incarnation, state } = member;
  say({ kind: 'learned', name: member.name, incarnation, state, atMs: Date.now() });
}
