import test from 'ava';
import { GossipThreadBoard } from '../dist/gossip-thread-board.js';

test('what a thread has said last is on the board for who looks at it', (t) => {
  const own = new GossipThreadBoard();
  const theirs = new GossipThreadBoard(own.shared);
  t.is(own.said, undefined);

  theirs.says(2 ** 53 - 1, 7);
  own.beat();

  t.deepEqual(own.said, { generation: 2 ** 53 - 1, incarnation: 7 });
  t.is(theirs.pulse, 1n);
});
