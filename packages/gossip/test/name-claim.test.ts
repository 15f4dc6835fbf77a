import test from 'ava';
import { type ClaimProgress, type ClaimStep, NameClaim } from '@troupe/gossip';

const waiting: ClaimProgress = { isAnswered: false, isTakenIn: false };
const unheard: ClaimProgress = { isAnswered: true, isTakenIn: false };
const takenIn: ClaimProgress = { isAnswered: true, isTakenIn: true };
const other = { address: 'h:1', isSure: false };

/** Follows a claim until it is decided. `refuses`: whether somebody does at that time. */
function follow(
  claim: NameClaim,
  refuses: (nowMs: number) => boolean,
  progress: ClaimProgress,
): { step: ClaimStep; atMs: number; asked: number[] } {
  const asked: number[] = [];
  let nowMs = 0;
  for (;;) {
    const step = claim.next(nowMs, progress);
    if (step.kind === 'ask') {
      asked.push(nowMs);
      if (refuses(nowMs)) claim.refused(nowMs, other);
    } else if (step.kind === 'wait') nowMs = step.untilMs;
    else return { step, atMs: nowMs, asked };
  }
}

test('a name that nobody refuses is free when all have answered, or will not', (t) => {
  const claim = new NameClaim();

  t.deepEqual(claim.next(0, waiting), { kind: 'wait', untilMs: Infinity });
  t.deepEqual(claim.next(60_000, unheard), { kind: 'free' });
});

test('a name whose holder says itself that it is there is taken at once', (t) => {
  const claim = new NameClaim();

  claim.refused(10, { address: 'h:1', isSure: true });
  claim.refused(11, { address: 'elsewhere:1', isSure: false });

  t.deepEqual(claim.next(11, waiting), { kind: 'taken', address: 'h:1', waitedMs: 0 });
});

for (const [what, progress] of [
  ['all answer at once', takenIn],
  ['some never answer', waiting],
  ['nobody answers any more', unheard],
] as const) {
  test(`a name that is refused again and again is taken 8 s after the first time: ${what}`, (t) => {
    const claim = new NameClaim();
    claim.refused(0, other);

    const { step, atMs, asked } = follow(claim, () => progress !== unheard, progress);

    t.deepEqual(step, { kind: 'taken', address: 'h:1', waitedMs: 8_000 });
    t.is(atMs, 8_000);
    t.true(asked.length >= 4 && asked.length <= 12, `asked ${asked.length} times`);
  });
}

test('a name is free when those who refused it take its member in, though one is silent', (t) => {
  const claim = new NameClaim();
  claim.refused(0, other);
  const refuses = (nowMs: number): boolean => nowMs < 3_000;

  const { step, atMs } = follow(claim, refuses, { isAnswered: false, isTakenIn: true });

  t.deepEqual(step, { kind: 'free' });
  t.true(atMs >= 3_000 && atMs <= 5_000, `after ${atMs} ms`);
});

test('who refuses while some are silent is asked again after a second', (t) => {
  const claim = new NameClaim();

  claim.refused(400, other);

  t.deepEqual(claim.next(400, waiting), { kind: 'wait', untilMs: 1_400 });
  t.deepEqual(claim.next(1_400, waiting), { kind: 'wait', untilMs: 1_500 });
  t.deepEqual(claim.next(1_500, waiting), { kind: 'ask' });
});
