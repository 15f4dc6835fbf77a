import test from 'ava';
import { type Coordination, Engine, openCoordination } from '@troupe/consensus';

/** Calls as a program in JavaScript may make them. */
type Untyped = Record<
  'locks' | 'elections' | 'semaphores' | 'barriers' | 'kv',
  Record<string, (...args: readonly unknown[]) => Promise<unknown>>
> & { session(options: unknown): Promise<unknown> };

type Case = readonly [
  what: string,
  call: (on: Untyped) => Promise<unknown> | undefined,
  message: string | RegExp,
];

const limits = 'over 0 and up to 2147483647';
const names: readonly Case[] = (
  [
    ['locks.acquire', ({ locks }, name) => locks['acquire']?.(name)],
    ['locks.tryAcquire', ({ locks }, name) => locks['tryAcquire']?.(name)],
    ['semaphores.acquire', ({ semaphores }, name) => semaphores['acquire']?.(name, { permits: 1 })],
    ['elections.campaign', ({ elections }, name) => elections['campaign']?.(name)],
    ['elections.leader', ({ elections }, name) => elections['leader']?.(name)],
    ['barriers.enter', ({ barriers }, name) => barriers['enter']?.(name, { size: 1 })],
  ] satisfies [string, (on: Untyped, name: unknown) => Promise<unknown> | undefined][]
).flatMap(([what, call]): Case[] => [
  [`${what} of nothing`, (on) => call(on, ''), `${what}: name has 0 characters: give 1 … 1024`],
  [
    `${what} of too long a name`,
    (on) => call(on, 'x'.repeat(1_025)),
    `${what}: name has 1025 characters: give 1 … 1024`,
  ],
  [
    `${what} of a number`,
    (on) => call(on, 7),
    `${what}: name is 7: give a text of 1 … 1024 characters`,
  ],
]);

const options: readonly Case[] = [
  [
    'a number for options',
    ({ locks }) => locks['acquire']?.('x', 5_000),
    'locks.acquire: options is 5000: give an object, as { timeoutMs, signal }',
  ],
  [
    'a negative wait',
    ({ locks }) => locks['acquire']?.('x', { timeoutMs: -5 }),
    `locks.acquire: timeoutMs is -5: give milliseconds, ${limits}`,
  ],
  [
    'an option that there is not',
    ({ locks }) => locks['acquire']?.('x', { timeout: 5 }),
    'locks.acquire: timeout is no option: there are timeoutMs, signal, shared, lockDelayMs',
  ],
  [
    'an option that there is not, of a semaphore',
    ({ semaphores }) => semaphores['acquire']?.('x', { permits: 1, taek: 1 }),
    /taek is no option: there are timeoutMs, signal, permits, take$/,
  ],
  ['a wait of 0', ({ locks }) => locks['tryAcquire']?.('x', { timeoutMs: 0 }), /timeoutMs is 0: /],
  ['no number', ({ locks }) => locks['acquire']?.('x', { timeoutMs: NaN }), /timeoutMs is NaN: /],
  ['a text', ({ locks }) => locks['acquire']?.('x', { timeoutMs: '5' }), /timeoutMs is "5": /],
  [
    'more than a timer can wait',
    ({ locks }) => locks['acquire']?.('x', { timeoutMs: 2 ** 31 }),
    /timeoutMs is 2147483648: /,
  ],
  [
    'a controller for a signal',
    ({ locks }) => locks['acquire']?.('x', { signal: new AbortController() }),
    'locks.acquire: signal is an object: give an AbortSignal, as controller.signal is',
  ],
  [
    'a number for shared',
    ({ locks }) => locks['acquire']?.('x', { shared: 1 }),
    'locks.acquire: shared is 1: give true or false',
  ],
  [
    'a delay of years',
    ({ locks }) => locks['acquire']?.('x', { lockDelayMs: 1e12 }),
    'locks.acquire: lockDelayMs is 1000000000000: give an integer in 0 … 3600000',
  ],
  [
    'a delay in an election',
    ({ elections }) => elections['campaign']?.('x', { lockDelayMs: -1 }),
    /elections.campaign: lockDelayMs is -1: /,
  ],
  [
    'a large value in an election',
    ({ elections }) => elections['campaign']?.('x', { value: 'x'.repeat(300_000) }),
    /elections.campaign: value has 3\d+ bytes, over 262144: keep it elsewhere/,
  ],
  [
    'no permits',
    ({ semaphores }) => semaphores['acquire']?.('x'),
    'semaphores.acquire: options is undefined: give an object, as { permits }',
  ],
  ['0 permits', ({ semaphores }) => semaphores['acquire']?.('x', { permits: 0 }), /permits is 0: /],
  [
    'more than all permits',
    ({ semaphores }) => semaphores['tryAcquire']?.('x', { permits: 2, take: 3 }),
    'semaphores.tryAcquire: take is 3: give an integer in 1 … 2',
  ],
  ['no size', ({ barriers }) => barriers['enter']?.('x', {}), /size is undefined: give an integer/],
  ['half a size', ({ barriers }) => barriers['enter']?.('x', { size: 1.5 }), /size is 1.5: /],
  [
    'no wait for a session',
    (on) => on.session({ timeoutMs: -1 }),
    /coordination.session: timeoutMs is -1: /,
  ],
];

const keys: readonly Case[] = [
  ['an empty key', ({ kv }) => kv['put']?.('', 1), /kv.put: key has 0 characters/],
  ['no key', ({ kv }) => kv['get']?.(), /kv.get: key is undefined/],
  [
    'a large value',
    ({ kv }) => kv['put']?.('k', 'x'.repeat(256 * 1_024)),
    /kv.put: the value of "k" has \d+ bytes, over 262144: keep it elsewhere/,
  ],
  [
    'a number for a lease',
    ({ kv }) => kv['put']?.('k', 1, { lease: 5 }),
    'kv.put: lease is 5: give a Session, or what kv.lease() has made',
  ],
  [
    'a leas',
    ({ kv }) => kv['put']?.('k', 1, { leas: {} }),
    /leas is no option: there are .*lease$/,
  ],
  ['no deadline', ({ kv }) => kv['put']?.('k', 1, { timeoutMs: -1 }), /timeoutMs is -1: /],
  [
    'a deadline that is no number',
    ({ kv }) => kv['get']?.('k', { timeoutMs: NaN }),
    /timeoutMs is NaN: /,
  ],
  [
    'a consistency that there is not',
    ({ kv }) => kv['get']?.('k', { consistency: 'eventual' }),
    'kv.get: consistency is "eventual": give one of linearizable, lease, stale',
  ],
  [
    'a text for a range',
    ({ kv }) => kv['range']?.('k'),
    'kv.range: range is "k": give { key }, { prefix }, or { from, to } of texts',
  ],
  ['a misspelt range', ({ kv }) => kv['watch']?.({ prefx: 'k' }), /kv.watch: range is of another/],
  [
    'no limit',
    ({ kv }) => kv['range']?.({ key: 'k' }, { limit: 0 }),
    /limit is 0: give an integer/,
  ],
  ['a place that is none', ({ kv }) => kv['range']?.({ key: 'k' }, { after: 7 }), /after is 7/],
  ['nothing to delete', ({ kv }) => kv['delete']?.(), /kv.delete: delete is undefined: give/],
  [
    'a revision of 0',
    ({ kv }) => kv['watch']?.({ key: 'k' }, { from: 0 }),
    /from is 0: give an in/,
  ],
  [
    'no revision to compare with',
    ({ kv }) => kv['compareAndSet']?.('k', { value: 1 }),
    'kv.compareAndSet: revision is undefined: give an integer of at least 0',
  ],
  [
    'a time to live of nothing',
    ({ kv }) => kv['lease']?.(0),
    /kv.lease: ttlMs is 0: give an integer/,
  ],
  [
    'a condition that is misspelt',
    ({ kv }) => kv['transact']?.({ if: [{ key: 'k', revison: 0 }], do: [] }),
    /a condition on "k" says revison: say key, exists, value, lease, revision, created, version/,
  ],
  [
    'a condition by itself',
    ({ kv }) => kv['transact']?.({ if: { key: 'k', revision: 0 } }),
    'kv.transact: if is an object: give a list',
  ],
  [
    'a lock without a token',
    ({ kv }) => kv['transact']?.({ if: [{ lock: 'x' }] }),
    /token is undefined: give an integer of at least 0/,
  ],
  [
    'a condition with no lease',
    ({ kv }) => kv['transact']?.({ if: [{ key: 'k', lease: {} }] }),
    /lease is an object: give a Session/,
  ],
  [
    'an operation that is misspelt',
    ({ kv }) => kv['transact']?.({ do: [{ pot: 'k', value: 1 }] }),
    /an operation is an object without put, delete or get: give one/,
  ],
  [
    'too many operations',
    ({ kv }) => kv['transact']?.({ else: Array.from({ length: 129 }, () => ({ get: 'k' })) }),
    'kv.transact: 129 operations otherwise at once, over 128: make several transactions',
  ],
  [
    'too much at once',
    ({ kv }) =>
      kv['transact']?.({
        do: Array.from({ length: 4 }, (_, i) => ({ put: `k${i}`, value: 'x'.repeat(200_000) })),
      }),
    /kv.transact: keys and values of 800\d+ bytes at once, over 786432: make several transactions/,
  ],
];

for (const [what, call, message] of [...names, ...options, ...keys]) {
  test(`refused, and nobody is asked: ${what}`, async (t) => {
    await using engine = new Engine();
    await using coordination = await openCoordination(engine);
    const untyped: unknown = coordination;
    const { last } = coordination.group.status();

    const error = await t.throwsAsync(async () => call(untyped as Untyped), { message });

    t.like(error, { code: 'ERR_BAD_ARGUMENTS', executed: 'no' });
    t.is(coordination.group.status().last, last);
    t.is(coordination.presentSession, undefined);
  });
}

const sessions: readonly [options: object, message: string | RegExp][] = [
  [{ ttlMs: 5 }, 'coordination.open: ttlMs is 5: give an integer in 100 … 86400000'],
  [{ ttlMs: NaN }, /ttlMs is NaN/],
  [{ graceMs: -1 }, 'coordination.open: graceMs is -1: give an integer in 0 … 2147483647'],
];
for (const [wrong, message] of sessions) {
  test(`no node coordinates with ${JSON.stringify(wrong)}, and it may with better`, async (t) => {
    await using engine = new Engine();

    const error = await t.throwsAsync(openCoordination(engine, wrong), { message });

    t.like(error, { code: 'ERR_BAD_ARGUMENTS', executed: 'no' });
    await t.notThrowsAsync(openCoordination(engine));
  });
}

test('observers of an election are refused at once', async (t) => {
  await using engine = new Engine();
  const { elections }: Coordination = await openCoordination(engine);

  t.throws(() => elections.observe(''), { code: 'ERR_BAD_ARGUMENTS' });
});

test('what no node could be told is not put', async (t) => {
  await using engine = new Engine();
  await using coordination = await openCoordination(engine);

  const error = await t.throwsAsync(coordination.kv.put('k', () => 1));

  t.like(error, { code: 'ERR_NOT_SERIALIZABLE', executed: 'no' });
});
