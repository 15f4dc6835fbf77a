import fc from 'fast-check';
import test from 'ava';
import { Actor, actor, rpc } from '@troupe/actor';
import {
  type Member,
  type NodeOptions,
  type Placement,
  rendezvous,
  startNode,
} from '@troupe/cluster';
import { MemoryNetwork } from '@troupe/remote';

function members(...names: readonly string[]): readonly Member[] {
  return names.map((name) => ({
    name,
    incarnation: '1',
    address: `${name}:1`,
    state: 'alive',
    meta: { kinds: ['room'] },
  }));
}

const rooms = Array.from({ length: 3_000 }, (_, i) => ({ kind: 'room', key: `room-${i}` }));

test('nobody can own an entity when there are no candidates', (t) => {
  t.is(rendezvous().ownerOf({ kind: 'room', key: 'lobby' }, []), undefined);
});

test('the owner depends on the set of candidates, not on their order', (t) => {
  const { ownerOf } = rendezvous();
  const names = ['a', 'b', 'c', 'd', 'e'];

  const holds = fc.property(
    fc.string(),
    fc.shuffledSubarray(names, { minLength: 1 }),
    (key, some) => {
      const one = ownerOf({ kind: 'room', key }, members(...some));
      const other = ownerOf({ kind: 'room', key }, members(...some.toSorted()));
      return one?.name === other?.name;
    },
  );

  t.notThrows(() => fc.assert(holds));
});

test('when a member goes, only its own entities move', (t) => {
  const { ownerOf } = rendezvous();
  const all = members('a', 'b', 'c');
  const left = members('a', 'c');

  for (const room of rooms) {
    const before = ownerOf(room, all)?.name;
    const after = ownerOf(room, left)?.name;
    t.is(after, before === 'b' ? after : before);
    t.not(after, 'b');
  }
});

test('three members share the entities evenly, within a tenth', (t) => {
  const { ownerOf } = rendezvous();
  const all = members('a', 'b', 'c');
  const shares = new Map<string, number>();

  for (const room of rooms) {
    const name = ownerOf(room, all)?.name ?? '';
    shares.set(name, (shares.get(name) ?? 0) + 1);
  }

  for (const share of shares.values()) t.true(Math.abs(share - 1_000) < 100, `${share} of 3000`);
});

@actor({ kind: 'counter' })
class Counter extends Actor {
  #count = 0;
  @rpc add(): number {
    return (this.#count += 1);
  }
}

test('placement is asked once for an entity, until the view changes', async (t) => {
  const asked: string[] = [];
  const { ownerOf } = rendezvous();
  const placement: Placement = {
    kind: 'counted',
    ownerOf(entity, candidates) {
      asked.push(`${entity.key} of ${candidates.length}`);
      return ownerOf(entity, candidates);
    },
  };
  const network = new MemoryNetwork();
  const place = (name: string): NodeOptions => ({
    name,
    listen: `${name}:1`,
    transport: network.transport(name),
    actors: [Counter],
  });
  await using a = await startNode({ ...place('a'), placement });
  for (let i = 1; i <= 3; i += 1) t.is(await a.entity(Counter, 'x').add(), i);
  t.deepEqual(asked, ['x of 1']);

  await using b = await startNode({ ...place('b'), join: [a.address] });
  t.is(b.members().length, 2);
  await a.entity(Counter, 'x').add();

  t.deepEqual(asked.at(-1), 'x of 2');
});
