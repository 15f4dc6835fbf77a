import test from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import {
  type Consensus,
  Engine,
  type GroupRecord,
  type Lane,
  MemoryStore,
  TransportWire,
} from '@troupe/consensus';
import { add, Adder } from '@troupe/consensus/conformance';
import { MemoryNetwork } from '@troupe/remote';

const GROUPS = 20;
const voters = ['a', 'b'];

/** Counts writes, each of which is one sync. */
class CountedStore extends MemoryStore {
  readonly writes: number[] = [];

  override append(records: readonly GroupRecord[], done: (error?: Error) => void): void {
    this.writes.push(records.length);
    super.append(records, done);
  }
}

/** Counts frames, each of which is one write to a connection. */
class CountedWire extends TransportWire {
  readonly frames: Lane[] = [];

  override send(to: string, lane: Lane, frame: Uint8Array): void {
    this.frames.push(lane);
    super.send(to, lane, frame);
  }
}

test('what all groups have in one turn is one write to the log, and one frame to each node', async (t) => {
  const env = virtualEnv();
  const network = new MemoryNetwork();
  const nodes = await Promise.all(
    voters.map(async (node) => {
      const transport = network.transport(node);
      const addressOf = (peer: string): string => `${peer}:1`;
      const wire = new CountedWire({ env, listen: `${node}:1`, addressOf, transport });
      const store = new CountedStore();
      const engine = new Engine({ node, env, store, wire });
      const groups: Consensus<number>[] = [];
      for (let i = 0; i < GROUPS; i += 1) {
        groups.push(await engine.open({ group: `g${i}`, machine: new Adder(), voters }));
      }
      return { engine, store, wire, groups };
    }),
  );
  await env.advance(3_000);
  const leads = nodes.map(({ groups }) =>
    groups.filter((group) => group.status().role === 'leader'),
  );
  for (const { store, wire } of nodes) {
    store.writes.length = 0;
    wire.frames.length = 0;
  }

  const proposing = leads.map((groups) =>
    Promise.all(groups.map((group) => group.propose(add(1)))),
  );
  await env.settled();
  await Promise.all(proposing);

  t.is(leads.flat().length, GROUPS);
  for (const { store, wire } of nodes) {
    t.true(Math.max(...store.writes) > 1, `${store.writes.join()} records`);
    t.true(store.writes.length < 8, `${store.writes.length} writes for ${GROUPS} groups`);
    t.true(wire.frames.length < 12, `${wire.frames.join()} for ${GROUPS} groups`);
  }
  await Promise.all(nodes.map(({ engine }) => engine.stop()));
});
