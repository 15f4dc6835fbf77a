import test from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import { NameClaim } from '../dist/name-claim.js';

test('a name that was refused stays so when nobody answers any more', async (t) => {
  const env = virtualEnv();
  const claim = new NameClaim('b', env);
  claim.refused('h:1', false);

  const waiting = claim.outwait(() => Promise.resolve(false));
  await env.advance(10_000);
  await waiting;

  t.is(claim.refusal?.code, 'ERR_NAME_TAKEN');
});

test('a name is free when those who refused it take its node in', async (t) => {
  const env = virtualEnv();
  const claim = new NameClaim('b', env);
  claim.refused('h:1', false);

  const waiting = claim.outwait(() => Promise.resolve(true));
  await env.advance(10_000);
  await waiting;

  t.is(claim.refusal, undefined);
});
