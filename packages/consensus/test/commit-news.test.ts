import test from 'ava';
import type { Message } from '@troupe/raft';
import { CommitNews } from '../dist/commit-news.js';

const addressed = { from: 'a', term: 1, prev: { index: 4, term: 1 } } as const;

/** Nothing but a commit index. */
function news(to: string, commit: number): Message {
  return { type: 'append', ...addressed, to, commit, entries: [] };
}

function entries(to: string, commit: number): Message {
  const entry = { kind: 'noop', index: 5, term: 1 } as const;
  return { type: 'append', ...addressed, to, commit, entries: [entry] };
}

const reply: Message = { type: 'append-reply', from: 'a', to: 'b', term: 1, match: 4 };

test('a message without entries leaves in the next turn, and what else there is at once', (t) => {
  const kept = new CommitNews();

  t.deepEqual(kept.pass([news('b', 3), reply, entries('c', 3)], 7), [reply, entries('c', 3)]);
  t.false(kept.isEmpty);
  t.deepEqual(kept.pass([], 7), []);
  t.deepEqual(kept.pass([], 8), [news('b', 3)]);
  t.true(kept.isEmpty);
});

test('it does not leave when entries have left to the same node', (t) => {
  const kept = new CommitNews();
  kept.pass([news('b', 3), news('c', 3)], 1);

  t.deepEqual(kept.pass([entries('b', 3)], 2), [entries('b', 3), news('c', 3)]);
  t.deepEqual(kept.pass([], 3), []);
});

test('entries of the same turn make it needless too', (t) => {
  const kept = new CommitNews();
  kept.pass([news('b', 3)], 1);

  t.deepEqual(kept.pass([entries('b', 3)], 1), [entries('b', 3)]);
  t.true(kept.isEmpty);
});

test('newer news do not keep it back for another turn', (t) => {
  const kept = new CommitNews();
  kept.pass([news('b', 3)], 1);

  t.deepEqual(kept.pass([news('b', 4)], 2), [news('b', 4)]);
  t.true(kept.isEmpty);
});
