import test from 'ava';
import {
  Actor,
  actor,
  BadOption,
  DeadlineExceeded,
  HandshakeRefused,
  ListenFailed,
  type Log,
  type LogFields,
  MailboxFull,
  NameTaken,
  NoSuchMethod,
  NotSerializable,
  processEnv,
  rpc,
  startNode,
  WeakSecret,
} from 'troupe';

@actor({ kind: 'counter', mailboxCapacity: 2 })
class Counter extends Actor {
  #count = 0;
  @rpc add(by: number): number {
    return (this.#count += by);
  }
  @rpc accept(value: unknown): string {
    return typeof value;
  }
  @rpc wait(): Promise<void> {
    const { signal } = this.ctx;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }
  secret(): void {}
}

class Kept implements Log {
  readonly warnings: { readonly fields: LogFields; readonly message: string }[] = [];
  debug(): void {}
  info(): void {}
  warn(fields: LogFields, message: string): void {
    this.warnings.push({ fields, message });
  }
  error(fields: LogFields, message: string): void {
    this.warnings.push({ fields, message });
  }
}

const LOCAL = '127.0.0.1:0';

test('a second node on the same port is told to choose another, and the first goes on', async (t) => {
  await using first = await startNode({ name: 'a', listen: LOCAL, actors: [Counter] });

  const error = await t.throwsAsync(startNode({ name: 'b', listen: first.address }), {
    instanceOf: ListenFailed,
  });

  t.regex(error?.message ?? '', new RegExp(`${first.address}.*choose another port`));
  t.is(await first.entity(Counter, 'x').add(1), 1);
});

test('a seed that nobody answers at is logged once, with what happens next', async (t) => {
  const log = new Kept();
  await using nobody = await startNode({ name: 'gone', listen: LOCAL });
  const { address } = nobody;
  await nobody.stop();

  await using node = await startNode({
    name: 'a',
    join: [address],
    actors: [Counter],
    env: processEnv({ log }),
  });

  t.is(await node.entity(Counter, 'x').add(1), 1);
  t.is(log.warnings.length, 1);
  t.like(log.warnings[0], { fields: { seed: address } });
  t.regex(log.warnings[0]?.message ?? '', /no answer from a seed: trying again/);
});

for (const [name, secret] of [
  ['another secret', 'a guess that is wrong'],
  ['no secret', undefined],
] as const) {
  test(`a node with ${name} cannot join, and both sides are told`, async (t) => {
    const log = new Kept();
    const env = processEnv({ log });
    await using a = await startNode({ name: 'a', listen: LOCAL, secret: 'the right secret', env });
    const options = secret === undefined ? {} : { secret };

    const error = await t.throwsAsync(startNode({ name: 'b', join: [a.address], ...options }));

    t.regex(error?.message ?? '', /same secret/);
    t.true(error?.cause instanceof HandshakeRefused);
    t.like(error?.cause, { reason: 'secret' });
    t.is(log.warnings.length, 1);
    t.regex(log.warnings[0]?.message ?? '', /a connection was refused/);
    t.false(JSON.stringify(log.warnings).includes('the right secret'));
    t.is(a.members().length, 1);
  });
}

test('nodes with the same secret find each other', async (t) => {
  await using a = await startNode({
    name: 'a',
    listen: LOCAL,
    secret: 'a secret of tests',
    actors: [Counter],
  });
  await using b = await startNode({
    name: 'b',
    secret: 'a secret of tests',
    join: [a.address],
    actors: [],
  });

  t.is(await b.entity(Counter, 'x').add(1), 1);
});

test('a node does not listen beyond this machine without a secret', async (t) => {
  const error = await t.throwsAsync(startNode({ listen: '0.0.0.0:0' }), {
    instanceOf: ListenFailed,
  });

  t.regex(error?.message ?? '', /pass \{ secret \} or \{ tls \}, or listen on 127\.0\.0\.1/);
});

test('a node that listens on all addresses says by which of them it is reached', async (t) => {
  const secret = 'a secret of tests';
  const open = { name: 'a', listen: '0.0.0.0:0', secret, actors: [Counter] };

  for (const listen of ['0.0.0.0:0', '[::]:0']) {
    const error = await t.throwsAsync(startNode({ ...open, listen }), { instanceOf: BadOption });

    t.is(error?.option, 'listen');
    t.regex(error?.message ?? '', /others are told to connect there, .* pass advertise/);
  }
  await t.throwsAsync(startNode({ ...open, advertise: '0.0.0.0:0' }), {
    instanceOf: BadOption,
    message: /^advertise is '0\.0\.0\.0:0': .* a host that others can reach/,
  });

  await using a = await startNode({ ...open, advertise: '127.0.0.1:0' });
  await using b = await startNode({ name: 'b', secret, join: [a.address], actors: [] });
  t.regex(a.address, /^127\.0\.0\.1:[1-9]/);
  t.is(await b.entity(Counter, 'x').add(1), 1);
});

for (const [name, secret] of [
  ['an empty secret', ''],
  ['one of 15 bytes', 'hunter2 hunter2'],
  ['one of 15 bytes behind a better one', ['a secret of tests', 'hunter2 hunter2']],
] as const) {
  test(`${name} is refused, with how to make a better one`, async (t) => {
    const error = await t.throwsAsync(startNode({ listen: '0.0.0.0:0', secret }), {
      instanceOf: WeakSecret,
    });

    t.regex(error?.message ?? '', /at least 16 bytes, not (0|15): .* node -p "crypto\.randomBytes/);
  });
}

for (const [what, secret, says] of [
  ['none', [], /a list of none: leave it out, or name one/],
  ['nine', Array.from({ length: 9 }, () => 'a secret of tests'), /a list of 9, and 8 is the limit/],
] as const) {
  test(`a list of ${what} is refused as a secret`, async (t) => {
    await t.throwsAsync(startNode({ listen: LOCAL, secret }), {
      instanceOf: TypeError,
      message: says,
    });
  });
}

test('a seed that is no address is refused, and not tried again', async (t) => {
  const error = await t.throwsAsync(startNode({ join: ['localhost'] }));

  t.regex(error?.message ?? '', /host:port, for example 127\.0\.0\.1:7001, not 'localhost'/);
});

test('a name that is taken is refused by the cluster', async (t) => {
  await using a = await startNode({ name: 'a', listen: LOCAL });

  const error = await t.throwsAsync(startNode({ name: 'a', listen: LOCAL, join: [a.address] }), {
    instanceOf: NameTaken,
  });

  t.regex(error?.message ?? '', /give this one another name/);
});

for (const listen of ['7001', 'localhost', '127.0.0.1:70000', '127.0.0.1:x', '']) {
  test(`'${listen}' is no address`, async (t) => {
    const error = await t.throwsAsync(startNode({ listen }), { instanceOf: BadOption });

    t.is(error?.option, 'listen');
    t.regex(error?.message ?? '', /host:port, for example|give an address, such as/);
  });
}

test('a call that is wrong is refused on the side that knows, and the actor serves the next', async (t) => {
  await using a = await startNode({ name: 'a', listen: LOCAL, actors: [Counter] });
  await using b = await startNode({ name: 'b', join: [a.address], actors: [] });
  const counter = b.entity(Counter, 'x');

  const unmarked = await t.throwsAsync(counter.secret(), { instanceOf: NoSuchMethod });
  t.regex(unmarked?.message ?? '', /mark it with @rpc/);
  const stuck = await t.throwsAsync(counter.accept({ callback: Symbol('mine') }), {
    instanceOf: NotSerializable,
  });
  t.regex(stuck?.message ?? '', /args\[0\]\.callback/);
  t.is(await counter.add(1), 1);
});

test('a full mailbox refuses at once, across nodes', async (t) => {
  await using a = await startNode({ name: 'a', listen: LOCAL, actors: [Counter] });
  await using b = await startNode({ name: 'b', join: [a.address], actors: [] });
  const counter = b.entity(Counter, 'x');
  const turn = t.throwsAsync(counter.with({ timeoutMs: 300 }).wait(), {
    instanceOf: DeadlineExceeded,
  });
  const waiting = counter.add(1); // All arrive in one batch, before the first turn begins.

  const error = await t.throwsAsync(counter.add(1), { instanceOf: MailboxFull });

  t.like(error, { executed: 'no', capacity: 2 });
  await turn;
  t.is(await waiting, 1); // The deadline ended the turn that held it up.
});
