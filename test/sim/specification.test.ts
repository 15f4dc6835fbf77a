import test from 'ava';
import type { AppendRecord, Configuration, Message, Status } from '@troupe/raft';
import { Raft } from '@troupe/raft';
import { Specification, Violation } from './raft/specification.ts';

/** The checker itself: what it must refuse, and what it must not. */

const voters = ['a', 'b'];
const first = { index: 1, term: 0 };
const nobody = { outgoing: [], learners: [], promotable: [], witnesses: [] };
const configuration: Configuration = { voters, ...nobody };
const noop: AppendRecord = {
  token: 2,
  hardState: { term: 1, votedFor: 'a', commit: 0 },
  snapshot: undefined,
  entries: [{ kind: 'noop', index: 2, term: 1 }],
  mustSync: true,
  messages: [],
};
const timeoutNow: Message = { type: 'timeout-now', from: 'a', to: 'b', term: 1, last: 2 };

/** `a` leads term 1 with the votes of both, and has written its first entry. */
function led(): { readonly specification: Specification; readonly leader: Status } {
  const specification = new Specification(voters);
  for (const id of voters) specification.started(id);
  const { status } = new Raft({ id: 'a', voters, seed: 1 });
  const vote = { ...noop, entries: [] };
  for (const id of voters) specification.saved(id, vote);
  const leader: Status = { ...status, term: 1, role: 'leader', last: first, configuration };
  specification.observe('a', leader);
  specification.wrote('a', noop, leader);
  return { specification, leader };
}

test('an heir must have had on its disk all that its leader has', (t) => {
  const { specification } = led();

  t.throws(() => specification.sent(timeoutNow), {
    instanceOf: Violation,
    message: 'b is to lead after a with 1 entries',
  });
});

test('seed 61799: what a leader makes after it has told its heir to stand is not for that one', (t) => {
  const { specification, leader } = led();
  specification.wrote('b', noop, { ...leader, id: 'b', role: 'follower' });
  specification.saved('b', noop);
  specification.observe('a', leader);
  const second: AppendRecord = { ...noop, entries: [{ kind: 'noop', index: 3, term: 1 }] };
  const last = { index: 3, term: 1 };

  specification.wrote('a', second, { ...leader, last });

  t.notThrows(() => specification.sent(timeoutNow));
  specification.observe('a', { ...leader, last });
  t.throws(() => specification.sent(timeoutNow), { instanceOf: Violation });
});

test('seed 44071: a leader may go by what its heir had on its disk before that was lost', (t) => {
  const { specification, leader } = led();
  specification.wrote('b', noop, { ...leader, id: 'b', role: 'follower' });
  specification.saved('b', noop);

  specification.wiped('b');

  t.notThrows(() => specification.sent(timeoutNow));
});
