// One node in a process of its own, which tells all that it learns of the others.
import { startNode } from 'troupe';
import type { Word } from './word.ts';

const [, , name = '', listen = '', secret = '', ...join] = process.argv;
const node = await startNode({ name, listen, secret, join, actors: [] });

function say(word: Word): void {
  if (process.connected) process.send?.(word);
}

process.on('disconnect', () => process.exit()); // Whoever watched it is gone.
say({ kind: 'listens', address: node.address ?? '' });
for await (const { member } of node.watchMembers(new AbortController().signal)) {
  const { incarnation, state } = member;
  say({ kind: 'learned', name: member.name, incarnation, state, atMs: Date.now() });
}
