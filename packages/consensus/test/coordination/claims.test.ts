import test from 'ava';
import { TestLog, tokensOf } from './log.ts';

test('a lock is held under the index of the entry that granted it', (t) => {
  const log = new TestLog();
  const ann = log.lease();

  const token = log.claim(ann, 1);

  t.is(token, log.index);
  t.deepEqual(tokensOf(log.machine), [log.index]);
});

test('those who wait are served in the order in which they came, under greater tokens', (t) => {
  const log = new TestLog();
  const [ann, bob, cid] = [log.lease(), log.lease(), log.lease()];
  const first = log.claim(ann, 1);

  t.deepEqual([log.claim(bob, 1), log.claim(cid, 1)], ['waits', 'waits']);
  log.next((machine) => machine.release(ann, 1));
  const second = log.index;
  t.deepEqual(tokensOf(log.machine), [second]);
  log.next((machine) => machine.release(bob, 1));

  t.deepEqual(tokensOf(log.machine), [log.index]);
  t.true(Number(first) < second && second < log.index);
  t.is(log.machine.claims.tokenOf(cid, 1), log.index);
});

test('a claim that is made again is the same claim', (t) => {
  const log = new TestLog();
  const [ann, bob] = [log.lease(), log.lease()];
  const token = log.claim(ann, 1);
  log.claim(bob, 7);

  t.is(log.claim(ann, 1), token);
  t.is(log.claim(bob, 7), 'waits');
  t.is(log.machine.claims.waiting('lock x'), 1);
});

test('who does not wait is refused, and leaves nothing behind', (t) => {
  const log = new TestLog();
  const [ann, bob] = [log.lease(), log.lease()];
  log.claim(ann, 1);

  t.is(log.claim(bob, 1, { wait: false }), 'refused');
  log.next((machine) => machine.release(ann, 1));

  t.deepEqual(tokensOf(log.machine), []);
  t.deepEqual(log.machine.claims.save(), []);
});

test('a claim that was refused stays so, should an attempt before that come later', (t) => {
  const log = new TestLog();
  const [ann, bob] = [log.lease(), log.lease()];
  log.claim(ann, 1);

  t.is(log.claim(bob, 1, { wait: false }), 'refused');
  log.next((machine) => machine.release(ann, 1));
  t.is(log.claim(bob, 1, { wait: false }), 'withdrawn');

  t.deepEqual(tokensOf(log.machine), []);
  t.is(log.claim(bob, 2, { wait: false }), log.index);
});

test('shared holders hold together; nobody passes one who waits for all', (t) => {
  const log = new TestLog();
  const [ann, bob, cid, dan] = [log.lease(), log.lease(), log.lease(), log.lease()];

  t.is(typeof log.claim(ann, 1, { take: 1 }), 'number');
  t.is(typeof log.claim(bob, 1, { take: 1 }), 'number');
  t.is(log.claim(cid, 1), 'waits');
  t.is(log.claim(dan, 1, { take: 1 }), 'waits');
  log.next((machine) => machine.release(ann, 1));
  t.is(log.machine.claims.tokenOf(cid, 1), 0);
  log.next((machine) => machine.release(bob, 1));

  t.deepEqual(tokensOf(log.machine), [log.machine.claims.tokenOf(cid, 1)]);
});

test('a semaphore has so many permits, and another size is refused while it is used', (t) => {
  const log = new TestLog();
  const [ann, bob, cid] = [log.lease(), log.lease(), log.lease()];
  const pool = { resource: 'semaphore pool', size: 3 };

  t.is(typeof log.claim(ann, 1, { ...pool, take: 2 }), 'number');
  t.is(log.claim(bob, 1, { ...pool, take: 2 }), 'waits');
  t.is(log.claim(cid, 1, { ...pool, take: 1 }), 'waits');
  const error = t.throws(() => log.claim(cid, 2, { ...pool, size: 4, take: 1 }));
  log.next((machine) => machine.release(ann, 1));

  t.like(error, { code: 'ERR_SIZE_MISMATCH', executed: 'no', size: 3, asked: 4 });
  t.is(log.machine.holders('semaphore pool').length, 2);
});

test('a claim that was withdrawn before it came is refused', (t) => {
  const log = new TestLog();
  const ann = log.lease();

  t.false(log.next((machine) => machine.release(ann, 5)));

  t.is(log.claim(ann, 5), 'withdrawn');
  t.is(log.claim(ann, 5), 'withdrawn');
  t.deepEqual(tokensOf(log.machine), []);
});

test('so many claims that were withdrawn are remembered, and of more the oldest are not', (t) => {
  const log = new TestLog();
  const ann = log.lease();
  for (let ticket = 1; ticket <= 1_025; ticket += 1) {
    log.next((machine) => machine.release(ann, ticket));
  }

  t.is(log.claim(ann, 2), 'withdrawn');
  t.is(log.claim(ann, 1), log.index);
});

test('one who waits and gives up holds nobody up', (t) => {
  const log = new TestLog();
  const [ann, bob, cid] = [log.lease(), log.lease(), log.lease()];
  log.claim(ann, 1, { take: 1 });
  log.claim(bob, 1);
  log.claim(cid, 1, { take: 1 });

  log.next((machine) => machine.release(bob, 1));

  t.is(log.machine.claims.tokenOf(cid, 1), log.index);
});

test('a lock whose holder ran out of time is given to nobody before its delay is over', (t) => {
  const log = new TestLog();
  const [ann, bob] = [log.lease(), log.lease()];
  log.claim(ann, 1, { delayMs: 500 });

  log.expire(ann);
  const since = log.index;
  t.deepEqual(tokensOf(log.machine), []);
  t.is(log.claim(bob, 2, { wait: false }), 'refused');
  t.is(log.claim(bob, 1), 'waits');
  log.lift('lock x', since - 1);
  log.lift('lock x', since, 2);
  t.deepEqual(tokensOf(log.machine), []);
  log.lift('lock x', since);

  t.deepEqual(tokensOf(log.machine), [log.index]);
});

test('of holders that ran out of time together, the longest delay counts', (t) => {
  const log = new TestLog();
  const ann = log.lease();
  const shared = { take: 1 };
  log.claim(ann, 1, { ...shared, delayMs: 500 });
  log.claim(ann, 2, { ...shared, delayMs: 200 });

  log.expire(ann);

  t.deepEqual([...log.machine.claims.delays()], [{ name: 'lock x', since: log.index, ms: 500 }]);
});

test('a lock that was released, or whose lease was ended by its owner, has no delay', (t) => {
  const log = new TestLog();
  const [ann, bob, cid] = [log.lease(), log.lease(), log.lease()];
  log.claim(ann, 1, { delayMs: 500 });
  log.claim(bob, 1, { delayMs: 500 });
  log.claim(cid, 1);

  log.next((machine) => machine.release(ann, 1));
  t.is(log.machine.claims.tokenOf(bob, 1), log.index);
  log.next((machine) => machine.closeLease(bob));

  t.is(log.machine.claims.tokenOf(cid, 1), log.index);
});

test('a lease that ends takes all its claims along, in one entry', (t) => {
  const log = new TestLog();
  const [ann, bob] = [log.lease(), log.lease()];
  for (const resource of ['lock x', 'lock y']) log.claim(ann, resource.length, { resource });
  log.claim(ann, 1);
  log.claim(ann, 2, { resource: 'lock y' });
  log.claim(bob, 1);
  log.claim(bob, 2, { resource: 'lock y' });

  log.expire(ann);

  t.deepEqual(tokensOf(log.machine, 'lock x'), [log.index]);
  t.deepEqual(tokensOf(log.machine, 'lock y'), [log.index]);
  t.false(log.machine.hasLease(ann));
});

test('only whoever leads in the epoch of an entry may end a lease with it', (t) => {
  const log = new TestLog();
  const ann = log.lease();

  log.epoch = 2;
  log.expire(ann, { epoch: 1 });

  t.true(log.machine.hasLease(ann));
});

test('a lease that was renewed in the meantime does not end', (t) => {
  const log = new TestLog();
  const ann = log.lease();

  log.next((machine) => machine.renewLease(ann));
  log.expire(ann);
  t.true(log.machine.hasLease(ann));
  log.expire(ann, { renewed: ann + 1 });

  t.false(log.machine.hasLease(ann));
  t.false(log.next((machine) => machine.renewLease(ann)));
});

test('nobody claims on a lease that is not there', (t) => {
  const log = new TestLog();

  const error = t.throws(() => log.claim(9, 1));

  t.like(error, { code: 'ERR_LEASE_EXPIRED', executed: 'no', lease: 9 });
});

test('more than may wait for one lock are refused', (t) => {
  const log = new TestLog();
  const ann = log.lease();
  for (let ticket = 1; ticket <= 4_097; ticket += 1) log.claim(ann, ticket);

  const error = t.throws(() => log.claim(ann, 5_000));

  t.like(error, { code: 'ERR_OVERLOADED', executed: 'no', limit: 4_096 });
  t.is(log.claim(ann, 5_000, { wait: false }), 'refused');
});

test('locks that are kept from everybody for a while count as claims do', (t) => {
  const log = new TestLog();
  const [ann, bob] = [log.lease(), log.lease()];
  for (let i = 0; i < 100_000; i += 1) {
    log.claim(ann, i, { resource: `lock ${i}`, delayMs: 60_000 });
  }
  log.expire(ann);

  const error = t.throws(() => log.claim(bob, 1, { resource: 'lock one more' }));

  t.like(error, { code: 'ERR_OVERLOADED', bound: 'claims', limit: 100_000 });
  t.is(log.claim(bob, 1, { resource: 'lock 7' }), 'waits');
});

for (const ticket of [-1, 1.5, NaN, '1', undefined]) {
  test(`the machine refuses ${typeof ticket} ${ticket} as a ticket, whoever has sent it`, (t) => {
    const log = new TestLog();
    const ann = log.lease();
    const given = ticket as number;
    const member = { size: 2, lease: ann, ticket: given };

    for (const attempt of [
      () => log.claim(ann, given),
      () => log.next((machine) => machine.release(ann, given)),
      () => log.next((machine) => machine.enterBarrier('b', member)),
    ]) {
      t.throws(attempt, { code: 'ERR_BAD_ARGUMENTS', message: /ticket is/ });
    }
    t.notThrows(() => log.restored());
  });
}

test('more leases than there may be are refused', (t) => {
  const log = new TestLog();
  for (let i = 0; i < 10_000; i += 1) log.lease();

  t.like(
    t.throws(() => log.lease()),
    { code: 'ERR_OVERLOADED', bound: 'leases', limit: 10_000 },
  );
  log.next((machine) => machine.closeLease(1));
  t.notThrows(() => log.lease());
});

const badClaims: readonly [what: string, more: object][] = [
  ['no name', { resource: '' }],
  ['a name that is too long', { resource: 'x'.repeat(1_035) }],
  ['more than all permits', { size: 2, take: 3 }],
  ['half a permit', { size: 2, take: 0.5 }],
  ['a delay of years', { delayMs: 1e12 }],
  ['a value that is too long', { value: new Uint8Array(256 * 1_024 + 1) }],
];
for (const [what, more] of badClaims) {
  test(`a claim of ${what} is refused, and nothing has changed`, (t) => {
    const log = new TestLog();
    const ann = log.lease();
    const before = log.machine['~troupe/save']();

    t.throws(() => log.claim(ann, 1, more), { code: 'ERR_BAD_ARGUMENTS' });

    t.deepEqual(log.machine['~troupe/save'](), before);
  });
}

test('what a snapshot holds goes on as it was', (t) => {
  const log = new TestLog();
  const [ann, bob, cid] = [log.lease(), log.lease(), log.lease()];
  log.claim(ann, 1, { take: 1, value: Uint8Array.of(7) });
  log.claim(bob, 1);
  log.claim(cid, 1, { take: 1 });
  log.claim(cid, 2, { resource: 'lock y', delayMs: 9 });
  log.expire(cid);
  log.next((machine) => machine.release(ann, 9));
  log.next((machine) => machine.enterBarrier('b', { size: 2, lease: ann, ticket: 3 }));
  log.put('k', 'v', ann);
  log.next((machine) => machine.renewLease(bob));
  const machines = [log.machine, log.restored()] as const;
  const atFirst = machines.map((machine) => machine['~troupe/save']());

  const saved = machines.map((machine) => {
    log.machine = machine;
    log.index = 100;
    log.claim(ann, 9);
    log.claim(bob, 9, { resource: 'lock y' });
    log.next(() => machine.enterBarrier('b', { size: 2, lease: bob, ticket: 3 }));
    log.expire(ann);
    return machine['~troupe/save']();
  });

  t.deepEqual(atFirst[1], atFirst[0]);
  t.deepEqual(saved[1], saved[0]);
  t.deepEqual(tokensOf(machines[1]), [104]);
});

test('a barrier opens when all have come, and is there anew when all have left', (t) => {
  const log = new TestLog();
  const [ann, bob] = [log.lease(), log.lease()];
  const enter = (lease: number, ticket: number, size = 2) =>
    log.next((machine) => machine.enterBarrier('b', { size, lease, ticket }));

  t.deepEqual(enter(ann, 1), { kind: 'waits' });
  t.deepEqual(enter(ann, 1), { kind: 'waits' });
  t.throws(() => enter(bob, 1, 3), { message: /barrier b is in use with size 2, not 3/ });
  t.deepEqual(enter(bob, 1), { kind: 'opened', at: log.index });
  const opened = log.index;
  t.deepEqual(enter(bob, 2, 3), { kind: 'leaving' });
  log.next((machine) => machine.release(ann, 1));
  t.is(log.machine.barriers.opened('b'), opened);
  log.next((machine) => machine.release(bob, 1));

  t.is(log.machine.barriers.opened('b'), undefined);
  t.deepEqual(enter(ann, 2, 3), { kind: 'waits' });
});

test('barriers take so many members together, and others when some have left', (t) => {
  const log = new TestLog();
  const ann = log.lease();
  const enter = (ticket: number) => {
    const member = { size: 10_000, lease: ann, ticket };
    return log.next((machine) => machine.enterBarrier(`b${ticket % 100}`, member));
  };
  for (let ticket = 0; ticket < 100_000; ticket += 1) enter(ticket);

  const error = t.throws(() => enter(100_000));
  log.next((machine) => machine.release(ann, 7));

  t.like(error, { code: 'ERR_OVERLOADED', bound: 'members of barriers', limit: 100_000 });
  t.deepEqual(enter(100_000), { kind: 'waits' });
});

test('what claims say of themselves takes so many bytes, and some again when others are gone', (t) => {
  const log = new TestLog();
  const ann = log.lease();
  const value = new Uint8Array(256 * 1_024);
  const claim = (ticket: number) => log.claim(ann, ticket, { resource: `lock ${ticket}`, value });
  for (let ticket = 1; ticket <= 255; ticket += 1) claim(ticket);

  const error = t.throws(() => claim(256));
  t.throws(() => log.claim(ann, 1_000, { resource: 'lock 1', value }), { code: 'ERR_OVERLOADED' });
  log.next((machine) => machine.revalue(ann, 2, null));
  claim(256);
  t.throws(() => log.next((machine) => machine.revalue(ann, 2, value)));
  log.machine = log.restored();

  t.like(error, { code: 'ERR_OVERLOADED', bound: 'bytes of claims', limit: 64 * 2 ** 20 });
  t.throws(() => log.next((machine) => machine.revalue(ann, 2, value)));
  log.next((machine) => machine.release(ann, 3));
  t.true(log.next((machine) => machine.revalue(ann, 2, value)));
});

test('a member of a barrier whose lease ends has left', (t) => {
  const log = new TestLog();
  const [ann, bob] = [log.lease(), log.lease()];
  const enter = (lease: number) =>
    log.next((machine) => machine.enterBarrier('b', { size: 2, lease, ticket: 1 }));
  enter(ann);

  log.expire(ann);

  t.deepEqual(enter(bob), { kind: 'waits' });
  t.is(log.machine.barriers.openedFor('b', ann, 1), undefined);
});
