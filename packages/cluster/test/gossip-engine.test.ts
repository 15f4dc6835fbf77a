import test from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import { type Alive, decodePacket, encodePacket, type Packet, type Update } from '@troupe/gossip';
import {
  type Delivery,
  type EngineOptions,
  GossipEngine,
  type Parcel,
} from '../dist/gossip-engine.js';

type Deliver = (to: string, parcel: Parcel) => Promise<Delivery>;

/** An engine by itself: what it sends by stream is given to `deliver`. */
function engineOf(deliver: Deliver): GossipEngine {
  return new GossipEngine(optionsOf(deliver));
}

function optionsOf(deliver: Deliver): EngineOptions {
  return {
    name: 'a',
    address: 'a:1',
    generation: 1,
    meta: new Uint8Array(),
    env: virtualEnv(),
    keys: undefined,
    deliver,
    onEvent: () => {},
    onWatch: () => {},
    onForeign: () => {},
  };
}

function parcelOf(
  from: string,
  message: Packet['message'],
  updates: readonly Update[] = [],
): Parcel {
  const packet = encodePacket({ cluster: 0, from, generation: 1, message, updates });
  return { via: 'stream', packet };
}

function alive(name: string, metaBytes = 0): Alive {
  const meta = new Uint8Array(metaBytes);
  const versions = { versionMin: 1, versionMax: 1 };
  const at = { address: `${name}:1`, generation: 1, incarnation: 0 };
  return { kind: 'alive', name, ...at, meta, ...versions };
}

test('answers that are answered without end are waited for eight times', async (t) => {
  let delivered = 0;
  const engine = engineOf(async () => {
    delivered += 1;
    if (delivered > 100) return { kind: 'failed' };
    const sync = { kind: 'sync', digest: delivered, members: 1, join: false } as const;
    return { kind: 'answered', parcels: [parcelOf('b', sync)] };
  });

  engine.input({ kind: 'join', seeds: ['b:1'] });
  await engine.settled();
  engine.stop();

  t.true(delivered >= 8 && delivered < 50, `${delivered} deliveries`);
});

test('which word a node speaks of itself with is shown before anything is sent', (t) => {
  const shown: string[] = [];
  const engine = new GossipEngine({
    ...optionsOf(async () => {
      shown.push('sent');
      return { kind: 'failed' };
    }),
    incarnation: 4,
    onWord: (generation, incarnation) => shown.push(`${generation}.${incarnation}`),
  });
  engine.accept('b:1', parcelOf('b', { kind: 'states', wanted: [] }, [alive('b')]));
  shown.length = 0;

  const accused = { kind: 'suspect', name: 'a', generation: 1, incarnation: 9 } as const;
  engine.accept('b:1', parcelOf('b', { kind: 'gossip' }, [{ ...accused, by: 'b', health: 0 }]));
  engine.input({ kind: 'join', seeds: ['c:1'] });
  engine.stop();

  t.deepEqual(shown, ['1.10', '1.10', 'sent']);
});

test('what is too much for one answer follows by itself', async (t) => {
  const sent: Uint8Array[] = [];
  const engine = engineOf(async (_, { packet }) => {
    sent.push(packet);
    return { kind: 'failed' };
  });
  const members = Array.from({ length: 5_000 }, (_, i) => alive(`m${i}`, 500));
  for (let i = 0; i < members.length; i += 500) {
    const states = { kind: 'states', wanted: [] } as const;
    engine.accept('m0:1', parcelOf('m0', states, members.slice(i, i + 500)));
  }
  sent.length = 0;

  const join = { kind: 'sync', digest: 1, members: 1, join: true } as const;
  const answers = engine.accept('n:1', parcelOf('n', join, [alive('n')]));

  const bytes = answers.reduce((sum, { packet }) => sum + packet.length, 0);
  t.true(bytes > 1_000_000 && bytes <= 2 * 1024 * 1024, `${bytes} bytes`);
  const all = [...answers.map(({ packet }) => packet), ...sent];
  const names = all.flatMap((each) => decodePacket(each).updates.map(({ name }) => name));
  t.is(new Set(names).size, 5_002);
  engine.stop();
});
