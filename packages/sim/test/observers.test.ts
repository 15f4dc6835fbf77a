import test from 'ava';
import { ExactlyOnce, MonotonicReads, SingleActivation } from '@troupe/sim';

test('two activations of one key at once are found; one after the other is fine', (t) => {
  const watch = new SingleActivation();
  watch.began('room/lobby', 'a');
  watch.began('room/attic', 'b');
  watch.ended('room/lobby', 'b'); // Of somebody else, which ends nothing.

  t.throws(() => watch.began('room/lobby', 'b'), {
    message: 'room/lobby is active twice: on a and on b',
  });
  watch.ended('room/lobby', 'a');
  t.notThrows(() => watch.began('room/lobby', 'b'));
});

test('what takes effect twice is found at once, what was acknowledged and lost in the end', (t) => {
  const watch = new ExactlyOnce();
  watch.tookEffect('one');
  watch.acknowledged('one');
  watch.tookEffect('unacknowledged');
  t.notThrows(() => watch.verify());

  watch.acknowledged('two');

  t.throws(() => watch.tookEffect('one'), { message: 'one took effect 2 times' });
  t.throws(() => watch.verify(), { message: 'acknowledged and lost: two' });
});

test('a reader that sees something older than before is found; another reader may', (t) => {
  const reads = new MonotonicReads();
  reads.saw('a', 3);
  reads.saw('a', 3);
  reads.saw('b', 2);

  t.throws(() => reads.saw('a', 2), { message: 'a saw version 2 after 3' });
});
