import { EventEmitter, once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import test from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import { type Alive, decodePacket } from '@troupe/gossip';
import { GossipThreadKeeper } from '../dist/gossip-thread-keeper.js';

test('the next thread speaks with a greater word than any before, and with the latest meta', async (t) => {
  const env = virtualEnv();
  const threads: Worker[] = [];
  process.on('worker', (worker) => threads.push(worker));
  const words: Alive[] = [];
  const steps = new EventEmitter();
  const keeper = await GossipThreadKeeper.start({
    self: { name: 'a', address: 'a:1', generation: 7, meta: Uint8Array.of(0) },
    env,
    log: env.log,
    bind: '127.0.0.1:0',
    keyring: undefined,
    deliver: async (_, { packet }) => {
      for (const word of decodePacket(packet).updates) if (word.kind === 'alive') words.push(word);
      return { kind: 'failed' };
    },
    onEvent: () => {},
    onWatch: () => {},
    onForeign: () => {},
    onEnded: () => steps.emit('ended'),
    onReplaced: async () => void steps.emit('replaced'),
  });
  for (const said of [1, 2, 3]) keeper.input({ kind: 'meta', meta: Uint8Array.of(said) });
  keeper.input({ kind: 'join', seeds: ['b:1'] });
  await keeper.settled();

  const ended = once(steps, 'ended');
  await threads[0]?.terminate();
  await ended;
  keeper.input({ kind: 'meta', meta: Uint8Array.of(4) });
  const replaced = once(steps, 'replaced');
  await env.advance(100);
  await replaced;
  keeper.input({ kind: 'join', seeds: ['b:1'] });
  await keeper.settled();
  await keeper.stop();

  t.like(words[0], { generation: 7, incarnation: 3, meta: Uint8Array.of(3) });
  t.like(words.at(-1), { generation: 7, incarnation: 4, meta: Uint8Array.of(4) });
});
