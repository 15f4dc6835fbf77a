import test from 'ava';
import { Keyring } from '@troupe/cluster';
import { WeakSecret } from '@troupe/remote';
import { ReplayGuard } from '../dist/replay-guard.js';
import { DATAGRAM_BYTES_MAX, Sealer } from '../dist/sealer.js';

const SECRET = 'a secret of tests';
const OTHER = 'another of tests';
const PLAIN = new TextEncoder().encode('a packet');

function isOpen(opened: unknown): boolean {
  return opened instanceof Uint8Array && Buffer.compare(opened, PLAIN) === 0;
}

test('what is sealed is opened by who has the key, and shows nothing of what it holds', (t) => {
  const sealed = new Sealer(new Keyring(SECRET)).seal(PLAIN);

  t.true(isOpen(new Sealer(new Keyring(SECRET)).open(sealed)));
  t.false(Buffer.from(sealed).includes('packet'));
  t.is(sealed.length, PLAIN.length + 34);
});

test('a packet of another key is foreign, and what is no packet is damaged', (t) => {
  const own = new Sealer(new Keyring(SECRET));
  const sealed = new Sealer(new Keyring(OTHER)).seal(PLAIN);

  t.is(own.open(sealed), 'foreign');
  t.is(own.open(new Uint8Array()), 'damaged');
  t.is(own.open(PLAIN), 'damaged');
  t.is(own.open(new Uint8Array(100)), 'damaged');
  t.is(own.open(new Uint8Array(DATAGRAM_BYTES_MAX + 1)), 'damaged');
});

test('a packet with any bit changed is not opened', (t) => {
  const own = new Sealer(new Keyring(SECRET));
  const sealed = new Sealer(new Keyring(SECRET)).seal(PLAIN);

  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Uint8Array.from(sealed);
    const at = Math.floor(bit / 8);
    changed[at] = (changed[at] ?? 0) ^ (1 << (bit % 8));
    t.true(['foreign', 'damaged'].includes(String(own.open(changed))), `bit ${bit}`);
  }
  t.true(isOpen(own.open(sealed)));
});

test('a packet counts once, however often it arrives', (t) => {
  const own = new Sealer(new Keyring(SECRET));
  const other = new Sealer(new Keyring(SECRET));
  const [first, second] = [other.seal(PLAIN), other.seal(PLAIN)];

  t.true(isOpen(own.open(second)));
  t.true(isOpen(own.open(first)));

  t.is(own.open(first), 'replayed');
  t.is(own.open(second), 'replayed');
});

test('packets may overtake each other by 64, and no more', (t) => {
  const guard = new ReplayGuard();

  t.true(guard.isNew('a', 100));
  t.true(guard.isNew('a', 37));
  t.false(guard.isNew('a', 36));
  t.true(guard.isNew('b', 36));
  t.true(guard.isNew('a', 1_000));
  t.true(guard.isNew('a', 999));
  t.false(guard.isNew('a', 999));
});

test('nodes that are a step apart in changing the key hear each other', (t) => {
  const rings = [new Keyring(SECRET), new Keyring(SECRET)] as const;
  const [a, b] = rings.map((ring) => new Sealer(ring)) as [Sealer, Sealer];
  const hearEachOther = (): boolean =>
    isOpen(a.open(b.seal(PLAIN))) && isOpen(b.open(a.seal(PLAIN)));

  for (const step of ['add', 'use'] as const) {
    for (const ring of rings) {
      ring[step](OTHER);
      t.true(hearEachOther(), step);
    }
  }
  for (const ring of rings) {
    ring.remove(SECRET);
    t.true(hearEachOther());
  }

  t.is(a.open(new Sealer(new Keyring(SECRET)).seal(PLAIN)), 'foreign');
});

test('a keyring refuses what would leave it without the key that it needs', (t) => {
  const ring = new Keyring(SECRET);

  t.throws(() => ring.use(OTHER), { instanceOf: RangeError, message: /add it first/ });
  t.throws(() => ring.remove(SECRET), { instanceOf: RangeError, message: /use another one first/ });
  t.throws(() => ring.add('fifteen letters'), { instanceOf: WeakSecret });
  for (let i = 2; i <= 8; i += 1) ring.add(`${SECRET} ${i}`);
  t.throws(() => ring.add(OTHER), { instanceOf: RangeError, message: /8 keys at most/ });
  t.is(ring.keys.length, 8);
});
