import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import {
  Actor,
  type ActorRef,
  ActorSystem,
  BadOption,
  processEnv,
  rpc,
  Unauthorized,
  Unreachable,
} from '@troupe/actor';
import {
  checkOutsiders,
  connect,
  OutsiderRefused,
  Outsiders,
  type OutsiderOptions,
} from '@troupe/remote';

class Safe extends Actor {
  opened = 0;
  @rpc open(): number {
    return (this.opened += 1);
  }
  @rpc count(): number {
    return this.opened;
  }
}

/** The answers of an application that no compiler has looked at. */
interface Answers {
  readonly authenticate?: (token: string) => unknown;
  readonly permits?: () => unknown;
}

/** A door before a safe, and what its node has logged as errors. */
async function door(
  t: ExecutionContext,
  { authenticate = (name) => ({ name }), permits = () => true }: Answers,
): Promise<{ readonly url: string; readonly safe: ActorRef<Safe>; readonly errors: string[] }> {
  const errors: string[] = [];
  const error = (_: object, message: string): void => void errors.push(message);
  const log = { debug() {}, info() {}, warn() {}, error };
  const system = new ActorSystem({ name: 'a', env: processEnv({ log }) });
  const safe = system.spawn(Safe);
  const opened = await Outsiders.open(
    {
      listen: 'ws://127.0.0.1:0/door',
      authenticate: authenticate as OutsiderOptions['authenticate'],
      permits: permits as OutsiderOptions['permits'],
    },
    { system, edge: [], router: { refer: () => safe, entityOf: () => undefined } },
  );
  t.teardown(async () => {
    await opened.close();
    await system.stop(100);
  });
  return { url: opened.address, safe, errors };
}

const PROMISE = 'every call is refused: permits must answer at once, not by a promise';
const THROWN = 'a call was refused: permits has thrown';
const down = new Error('the database is down');

const refusals: readonly (readonly [string, () => unknown, readonly string[]])[] = [
  ['a promise of false', async () => false, [PROMISE]],
  ['a promise of true', async () => true, [PROMISE]],
  ['a promise that fails', () => Promise.reject(down), [PROMISE]],
  ['nothing', () => undefined, []],
  ['a text', () => 'no', []],
  ['a number', () => 1, []],
];

for (const [what, permits, logged] of refusals) {
  test(`${what} is no permission`, async (t) => {
    const { url, safe, errors } = await door(t, { permits });
    const client = await connect(url, { token: 'ann', WebSocket });
    const entity = client.entity<Safe>('safe', 'a');

    entity.tell.open();
    await t.throwsAsync(entity.open(), { instanceOf: Unauthorized });
    await t.throwsAsync(entity.open(), { instanceOf: Unauthorized });

    t.is(await safe.count(), 0);
    t.deepEqual(errors, logged);
    client.close();
  });
}

test('who cannot decide permits nothing, and tells outsiders nothing of why', async (t) => {
  const permits = (): never => {
    throw down;
  };
  const { url, safe, errors } = await door(t, { permits });
  const client = await connect(url, { token: 'ann', WebSocket });
  const entity = client.entity<Safe>('safe', 'a');

  entity.tell.open();
  const error = await t.throwsAsync(entity.open(), { instanceOf: Unauthorized });

  t.is(error?.cause, undefined);
  t.is(await safe.count(), 0);
  t.deepEqual(errors, [THROWN, THROWN]);
  client.close();
});

for (const nobody of [undefined, null, false, true, '', 'ann', {}, { name: 7 }]) {
  test(`${JSON.stringify(nobody)} is nobody to let in`, async (t) => {
    const { url } = await door(t, { authenticate: () => nobody });

    const error = await t.throwsAsync(connect(url, { token: 'ann', WebSocket }), {
      instanceOf: OutsiderRefused,
    });

    t.regex(error?.message ?? '', /its token is not accepted/);
  });
}

const complete: OutsiderOptions = {
  listen: 'ws://127.0.0.1:0/door',
  authenticate: (name) => ({ name }),
  permits: () => true,
};

const incomplete: readonly (readonly [string, object, string])[] = [
  [
    'outsiders.authenticate',
    { authenticate: undefined },
    'is undefined: give a function that says whose token it is, or nobody could get in',
  ],
  [
    'outsiders.permits',
    { permits: undefined },
    'is undefined: give a function that says which calls are allowed, or none would be',
  ],
  ['outsiders.permits', { permits: true }, 'is true: give a function'],
  ['outsiders.listen', { listen: 8080 }, 'is 8080: give ws://host:port/path'],
  ['outsiders.origins', { origins: 'https://app.example' }, 'in a list'],
  [
    'outsiders.origins[0]',
    { origins: ['https://app.example/'] },
    "is 'https://app.example/': give",
  ],
  ['outsiders.max', { max: 0 }, 'is 0: give an integer of at least 1'],
];

for (const [option, wrong, message] of incomplete) {
  test(`no door is opened with ${option} of ${JSON.stringify(wrong)}`, (t) => {
    const open = (): void => checkOutsiders({ ...complete, ...wrong });

    const error = t.throws(open, { instanceOf: BadOption });

    t.is(error?.option, option);
    t.true(error?.message.includes(message), error?.message);
    t.notThrows(() => checkOutsiders(complete));
  });
}

test('a client is told at once of a time for calls that no node would give', async (t) => {
  for (const callTimeoutMs of [Number.NaN, 0, 60_001]) {
    const options = { token: 'ann', WebSocket, callTimeoutMs };

    await t.throwsAsync(connect('ws://127.0.0.1:9/door', options), {
      instanceOf: BadOption,
      message: `callTimeoutMs is ${callTimeoutMs}: give milliseconds in 1 … 60000`,
    });
  }
});

test('a client is told at once what it cannot begin with', async (t) => {
  const any = (value: unknown): never => value as never; // As a program in JavaScript may have it.
  const url = 'ws://127.0.0.1:9/door';
  const token = 'ann';

  for (const [option, to, options, message] of [
    ['token', url, {}, /^token is undefined: give a text that says who this is, or what finds it$/],
    ['token', url, { token: 5 }, /^token is 5: give a text/],
    ['tokn', url, { tokn: 'ann' }, /^tokn is no option: did you mean token\?$/],
    ['options', url, undefined, /^options is undefined: give an object, such as \{ token: … \}$/],
    ['url', 'http://127.0.0.1:9/door', { token }, /^url is 'http:.*': give ws:\/\/ or wss:\/\//],
    ['WebSocket', url, { token, WebSocket: {} }, /^WebSocket is an object: give a function$/],
  ] as const) {
    const error = await t.throwsAsync(connect(to, any(options)), {
      instanceOf: BadOption,
      message,
    });

    t.is(error?.option, option);
  }
});

test('a client says why no WebSocket could be made', async (t) => {
  const { url } = await door(t, {});
  const options = { token: 'ann', WebSocket };
  const elsewhere = url.replace('/door', '/dor');

  const wrongPath = await t.throwsAsync(connect(elsewhere, options), { instanceOf: Unreachable });
  const nobody = await t.throwsAsync(connect('ws://127.0.0.1:9/door', options), {
    instanceOf: Unreachable,
  });

  t.regex(wrongPath?.message ?? '', /no WebSocket could be made: .*404/);
  t.regex(nobody?.message ?? '', /no WebSocket could be made: .*ECONNREFUSED/);
});

test.serial('without a WebSocket a client says which to pass', async (t) => {
  const platform = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  Reflect.deleteProperty(globalThis, 'WebSocket');

  const connected = connect('ws://127.0.0.1:9/door', { token: 'ann' });
  if (platform !== undefined) Object.defineProperty(globalThis, 'WebSocket', platform);

  const error = await t.throwsAsync(connected, { instanceOf: Unreachable });
  t.regex(error?.message ?? '', /pass \{ WebSocket \} from the package 'ws'/);
});
