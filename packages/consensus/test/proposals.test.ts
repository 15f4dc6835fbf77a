import test from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import { type Message, Raft } from '@troupe/raft';
import type { Packet } from '../dist/packet.js';
import { Proposals } from '../dist/proposals.js';

const limits = { commandBytesMax: 100, proposalsMax: 100 };

/** Makes `raft`, which is `a` of three, the leader of its next term, by the votes of `b`. */
function elect(raft: Raft): void {
  const votes = { from: 'b', to: 'a', granted: true } as const;
  raft.campaign();
  raft.step({ type: 'pre-vote-reply', ...votes, term: raft.status.term + 1 });
  raft.appended(raft.ready().append?.token ?? 0);
  raft.step({ type: 'vote-reply', ...votes, term: raft.status.term });
}

test('what two leaders have put at one index is both decided by what is applied there', async (t) => {
  const env = virtualEnv();
  const send = (): void => {};
  const proposals = new Proposals<string>({ group: 'g', node: 'a', env, send }, limits);
  const raft = new Raft({ id: 'a', voters: ['a', 'b', 'c'], seed: 1 });
  elect(raft);
  void proposals.add(new Uint8Array([1]), {}).catch(() => undefined);
  const first = proposals.add(new Uint8Array([2]), { timeoutMs: 1_000 });
  proposals.submit(raft); // At 3 and 4, behind the entry that a term begins with.
  const overruled: Message = {
    type: 'append',
    from: 'c',
    to: 'a',
    term: raft.status.term + 1,
    prev: { index: 1, term: 0 },
    entries: [{ kind: 'noop', index: 2, term: raft.status.term + 1 }],
    commit: 1,
  };
  raft.step(overruled);
  elect(raft);
  const second = proposals.add(new Uint8Array([3]), {});
  proposals.submit(raft); // At 4, too.
  const data = new Uint8Array([3]);

  proposals.applied({ kind: 'noop', index: 3, term: raft.status.term }, undefined);
  proposals.applied({ kind: 'command', index: 4, term: raft.status.term, data }, 'done');

  t.like(await second, { index: 4, result: 'done' });
  proposals.tick(env.now() + 2_000);
  t.like(await t.throwsAsync(first), { code: 'ERR_DEADLINE_EXCEEDED', executed: 'no' });
});

test('what an earlier leader took is nowhere, also when its answer comes after a later one', (t) => {
  const sent: Packet[] = [];
  const send = (packet: Packet): void => void sent.push(packet);
  const at = { group: 'g', node: 'a', env: virtualEnv(), send };
  const proposals = new Proposals<string>(at, limits);
  const raft = new Raft({ id: 'a', voters: ['a', 'b', 'c'], seed: 1 });
  const ends = { from: 'c', to: 'a', term: 1 } as const;
  raft.step({ type: 'heartbeat', ...ends, round: 1, commit: 0, quiet: false });
  void proposals.add(new Uint8Array([1]), {}).catch(() => undefined);
  proposals.submit(raft);
  const [forward] = sent;
  const request = forward?.type === 'forward' ? forward.request : 0;

  proposals.applied({ kind: 'noop', index: 3, term: 2 }, undefined);
  proposals.onForwarded({ type: 'forwarded', ...ends, request, index: 9 });
  proposals.submit(raft);

  t.deepEqual(
    sent.map(({ type }) => type),
    ['forward', 'forward'],
  );
});
