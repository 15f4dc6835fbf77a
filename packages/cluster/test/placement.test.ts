import fc from 'fast-check';
import test from 'ava';
import type { Member } from '@troupe/cluster';
import { rendezvous } from '@troupe/cluster';

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
