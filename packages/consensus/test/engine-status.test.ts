import test from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import { Engine, TransportWire } from '@troupe/consensus';
import { Adder } from '@troupe/consensus/conformance';
import { MemoryNetwork } from '@troupe/remote';
import { FrameWriter } from '../dist/frame-writer.js';
import type { Packet } from '../dist/packet.js';

/** Node `a` with group `g`, and a wire of node `b` that says what a test likes. */
async function two() {
  const env = virtualEnv();
  const network = new MemoryNetwork();
  const wireOf = (node: string): TransportWire =>
    new TransportWire({
      env,
      listen: `${node}:1`,
      addressOf: (peer) => `${peer}:1`,
      transport: network.transport(node),
    });
  const engine = new Engine({ env, node: 'a', wire: wireOf('a') });
  await engine.open({ group: 'g', machine: new Adder(), voters: ['a', 'b', 'c'] });
  const peer = wireOf('b');
  await peer.open('b', { received: () => {}, broke: () => {}, unsent: () => {} });
  const say = (group: string, packet: Packet): void => {
    const writer = new FrameWriter();
    writer.add(group, packet);
    peer.send('a', 'control', writer.finish());
  };
  return { env, engine, say };
}

const ends = { from: 'b', to: 'a', term: 3 } as const;
const configuration = { voters: ['a'], outgoing: [], learners: [], promotable: [], witnesses: [] };
/** Of a later term than the message that offers it. */
const snapshot = { id: 'x', index: 1, term: 9, bytes: 1, configuration };

test('what makes no sense is counted, and told once in ten seconds', async (t) => {
  const { env, engine, say } = await two();
  await using _stopped = engine;

  for (let i = 0; i < 5; i += 1) say('g', { type: 'snapshot-offer', ...ends, snapshot });
  await env.advance(10_000);
  const first = env.logged.filter(({ level }) => level === 'warn');
  say('g', { type: 'snapshot-offer', ...ends, snapshot });
  await env.advance(100);
  const second = env.logged.filter(({ level }) => level === 'warn').slice(first.length);

  t.is(engine.status().refusedMessages, 6);
  t.like(first, [{ fields: { group: 'g', from: 'b' } }]);
  t.is(first.length, 1);
  t.like(second, [{ fields: { group: 'g', from: 'b', leftOut: 4 } }]);
});

test('messages of groups that are not here, and frames to nodes that are not there, are counted', async (t) => {
  const { env, engine, say } = await two();
  await using _stopped = engine;

  say('elsewhere', { type: 'stale-term', ...ends });
  await env.advance(2_000); // The group looks for a leader, and asks `c`.

  t.like(engine.status(), { node: 'a', groups: 1, strayMessages: 1 });
  t.true(engine.status().droppedFrames > 0);
});
