import test from 'ava';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import { NameTaken } from '@troupe/cluster';
import { NameClaimant } from '../dist/name-claim.js';

const never = new Promise<void>(() => {});

function claimantOf(env: VirtualEnv, ask: () => Promise<void>): NameClaimant {
  return new NameClaimant({ name: 'b', env, log: env.log, ask, isTakenIn: () => false });
}

test('what is asked and never answered does not hold up the end of a claim', async (t) => {
  const env = virtualEnv();
  const ask = (): Promise<void> => {
    claimant.refused({ address: 'h:1', isSure: false });
    return never;
  };
  const claimant = claimantOf(env, ask);

  const refused = t.throwsAsync(claimant.run(), { instanceOf: NameTaken });
  await env.advance(8_000);

  const error = await refused;
  t.like(error, { holder: 'h:1', waitedMs: 8_000 });
  t.regex(error?.message ?? '', /have not given it up: start this one again when they have, give/);
  t.is(env.timers, 0);
});

test('a claim ends with what no retry can mend', async (t) => {
  const env = virtualEnv();
  const ask = (): Promise<void> => Promise.reject(new Error('a wrong secret'));
  const claimant = claimantOf(env, ask);

  await t.throwsAsync(claimant.run(), { message: 'a wrong secret' });
});

test('a claim ends when its node stops, and leaves no timer', async (t) => {
  const env = virtualEnv();
  const ask = (): Promise<void> => never;
  const claimant = claimantOf(env, ask);

  const running = claimant.run();
  claimant.refused({ address: 'h:1', isSure: false });
  await env.settled();
  claimant.stop();

  await t.notThrowsAsync(running);
  t.is(env.timers, 0);
});
