import test from 'ava';
import { Held } from '../../dist/coordination/held.js';
import { TestCluster } from './cluster.ts';

test('what is handed out when its session is over already is lost from the start', async (t) => {
  const cluster = await TestCluster.start({}, ['a']);
  const session = await cluster.settle(cluster.at('a').session());
  const giveBack = (): Promise<void> => Promise.resolve();

  session.end();
  const held = new Held({ what: 'lock x', token: 7, ticket: 1, session, giveBack });

  t.like(held.signal.reason, { code: 'ERR_LOCK_LOST', reason: 'expired', token: 7 });
  t.is(held.remainingMs, 0);
});
