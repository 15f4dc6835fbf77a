import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { startNode } from 'troupe';
import { callWith, envelope, frame, handshake, HELLO, hex, Stranger } from './strangers.ts';
import { Counter, type Doings } from './target-process.ts';

/** What one row may cost the node it is thrown at, in processor time. */
const PROCESSOR_MS_MAX = 100;

// One process for the whole table: it has to live through every row.
const program = fileURLToPath(new URL('./target-process.js', import.meta.url));
const target = fork(program, ['--serve']);
const address = once(target, 'message').then(([text]) => String(text));
test.after.always(() => target.disconnect());

/** What the target has done since it was last asked. */
async function doings(): Promise<Doings> {
  target.send('tell');
  const [told] = (await once(target, 'message')) as [Doings];
  return told;
}

/** The next honest caller: joins, calls, leaves. */
async function isServing(): Promise<boolean> {
  await using client = await startNode({ name: 'client', join: [await address], actors: [] });
  const counter = client.entity(Counter, 'one');
  return (await counter.add(2)) - (await counter.add(-2)) === 2;
}

/** Throws a row at the target: what the row says must happen, the next caller must be served. */
async function throwAt(
  t: ExecutionContext,
  bytes: Uint8Array | string,
  expected: { readonly letIn: boolean; readonly answer: (stranger: Stranger) => Promise<void> },
): Promise<readonly string[]> {
  t.timeout(20_000);
  const stranger = new Stranger(await address);
  if (expected.letIn) await stranger.enter();
  await doings();

  stranger.write(bytes);
  await expected.answer(stranger);
  const { processorMs, logged } = await doings();

  t.true(processorMs < PROCESSOR_MS_MAX, `${processorMs} ms of processor time`);
  t.true(await isServing());
  await stranger.end();
  return logged;
}

const hangsUp = (stranger: Stranger): Promise<void> => stranger.closed;

/** The connection stands, and is served: a ping with a number of its own is answered. */
async function goesOn(stranger: Stranger): Promise<void> {
  stranger.write(frame(2, 77_777));
  await stranger.hears(hex('82 03 1a 00012fd1'));
}

test.before(async (t) => {
  t.true(await isServing()); // From now on the code that is measured has run before.
});

/** Thrown at the port as they are. */
const STRANGE: Readonly<Record<string, Uint8Array | string>> = {
  'an HTTP request': 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'a TLS client hello': hex('16 03 01 02 00 01 00 01 fc 03 03'),
  'an SSH banner': 'SSH-2.0-OpenSSH_9.2\r\n',
  'a megabyte of zeros': Buffer.alloc(1024 * 1024),
  'a megabyte that begins well': Buffer.concat([Buffer.from('TRPE'), Buffer.alloc(1024 * 1024)]),
  'a handshake of 65,535 bytes': Buffer.concat([hex('54525045 01 ffff'), Buffer.alloc(65_535)]),
  'a hello that is no JSON': handshake(1, '{"versions":'),
  'a hello that is not an object': handshake(1, '7'),
  'a hello without an identity': handshake(1, { versions: [1, 1], nonce: 'x' }),
  'a hello of deep JSON': handshake(1, `${'['.repeat(1_000)}${']'.repeat(1_000)}`),
  'a hello with a name of 1,000 characters': handshake(1, {
    ...HELLO,
    node: { name: 'x'.repeat(1_000), incarnation: '1', address: '' },
  }),
  'a hello that would pollute': handshake(1, '{"__proto__":{"versions":[1,1]},"nonce":"x"}'),
  'a proof before the hello': handshake(3, { proof: '' }),
  'a welcome before the hello': handshake(4, { proof: '' }),
  'a hundred hellos': Buffer.concat(new Array<Buffer>(100).fill(handshake(1, HELLO))),
  'a proof that proves nothing': Buffer.concat([
    handshake(1, HELLO),
    handshake(3, { proof: 'x'.repeat(1_900) }),
  ]),
  'an unknown kind of message': handshake(9, {}),
  'a peer of another protocol version': handshake(1, { ...HELLO, versions: [7, 9] }),
  'versions that are no numbers': handshake(1, { ...HELLO, versions: ['1', {}] }),
  'frames without a handshake': frame(2, 1),
};

for (const [name, bytes] of Object.entries(STRANGE)) {
  test.serial(`a stranger sends ${name}: it is refused, and the next caller served`, async (t) => {
    const logged = await throwAt(t, bytes, { letIn: false, answer: hangsUp });

    t.is(logged.filter((line) => line.startsWith('a connection was refused')).length, 1);
  });
}

/** Sent by a node that has been let in; none of it can be an honest one's, so it is cut off. */
const FROM_A_PEER: Readonly<Record<string, Uint8Array>> = {
  'an envelope of four gigabytes': envelope(hex('00'), 0, 0xffff_ffff),
  'an envelope twice': Buffer.concat([frame(12, 99), frame(12, 99)]),
  'an envelope of no bytes': envelope(hex(''), 0, 0),
  'a piece of a frame that is said to be of four gigabytes': envelope(
    hex('00000001 ffffffff 81'),
    4,
  ),
  'a piece that is larger than its frame': envelope(hex('00000001 00000001 8108'), 4),
  'a piece without bytes': envelope(hex('00000001 00000001'), 4),
  'an envelope that swells a thousandfold': envelope(
    deflateRawSync(Buffer.alloc(64 * 1024 * 1024)),
    2,
  ),
  'a compressed envelope that is none': envelope(hex('ffff'), 2),
  'a call beside the session': envelope(hex('86 08 01 01 6161 80 01'), 1),
  'unknown envelope flags': envelope(hex('8102'), 0x40),
  'a frame that is no array': envelope(hex('01')),
  'an empty frame': envelope(hex('80')),
  'half of a frame': envelope(hex('82 02')),
  'a frame of an unknown type': envelope(hex('81 18 3f')),
  'a frame whose type is a text': frame('__proto__', 1),
  'a call without fields': frame(8),
  'a call of an entity whose number was never given': frame(8, 1, -1, 'add', [1], 1_000),
  'a call of a method whose number was never given': frame(8, 1, 1, 1, [1], 1_000),
  'a call whose target is a map': frame(8, 1, {}, 'a', [], 1),
  'a call whose arguments are no array': frame(8, 1, 1, 'a', 'b', 1),
  'a call whose arguments are an object with a length': frame(8, 1, 1, 'a', { length: 9 }, 1),
  'a call of a fractional id': frame(8, 1.5, 1, 'a', [], 1),
  'a call of a method whose name is a list': frame(8, 1, 1, ['add'], [], 1),
  'a call of a method of 2,000 characters': frame(8, 1, 1, 'x'.repeat(2_000), [], 1),
  'a call of an entity of 2,000 characters': frame(8, 1, ['a', 'x'.repeat(2_000), 0], 'a', [], 1),
  'a call whose deadline is no number': frame(8, 1, 1, 'a', [], NaN),
  'a ping of a text': frame(2, 'x'.repeat(1_000)),
  'a goodbye of a megabyte': frame(4, 'x'.repeat(1_000_000)),
  'a down notice without a reason': frame(25, 1),
  'a credit that is negative': frame(18, 2, -1),
  'arrays nested 100,000 deep': envelope(Buffer.alloc(100_000, 0x81)),
  'maps nested 300 deep': callWith(Buffer.concat(new Array<Buffer>(300).fill(hex('a1 61 61')))),
  'tags nested 300 deep': callWith(Buffer.alloc(900, hex('d9 5464'))),
  'an array of four billion elements': envelope(hex('9a ffffffff')),
  'arrays that each claim all that follows': envelope(Buffer.alloc(24_000, hex('99 9c40'))),
  'a map of four billion entries': envelope(hex('ba ffffffff')),
  'a string longer than its frame': envelope(hex('7a 00ffffff 61')),
  'a megabyte of empty frames': envelope(Buffer.alloc(1024 * 1024 + 1, 0x80)),
  'a bigint of 200 kilobytes': callWith(
    Buffer.concat([hex('c2 5a 00030d40'), Buffer.alloc(200_000, 0xff)]),
  ),
  'a negative bigint': callWith(hex('c3 41 01')),
  'an indefinite length': envelope(hex('9f 08 ff')),
  'an indefinite text': callWith(hex('7f 61 61 ff')),
  'a key __proto__': callWith(hex('a1 69 5f5f70726f746f5f5f a1 61 78 01')),
  'a key constructor': callWith(hex('a1 6b 636f6e7374727563746f72 01')),
  'a key prototype': callWith(hex('a1 69 70726f746f74797065 01')),
  'a key that is an array': callWith(hex('a1 81 01 01')),
  'a regular expression': callWith(hex('d8 1b 82 66 526567457870 68 28 61 2b 29 2b 24 24 24')),
  'an error by its class': callWith(hex('d8 1b 81 65 4572726f72')),
  'a value that others refer to': callWith(hex('d8 1c 80')),
  'a reference to a value': callWith(hex('d8 1d 00')),
  'a packed table': callWith(hex('d8 33 82 80 80')),
  'a reference into a packed table': callWith(hex('c6 00')),
  'a record': callWith(hex('d8 69 82 00 81 61 61')),
  'a record of cbor-x': callWith(hex('d9 dfff 83 19 e000 81 61 61 01')),
  'an embedded document': callWith(hex('d8 18 41 00')),
  'a date that is a text': callWith(hex('d9 5462 63 6e6f77')),
  'a typed array of half an element': callWith(hex('d9 546e 47 00000000000000')),
  'a forged reference to an actor': callWith(hex('d9 54a0 82 01 02')),
  'an error that is none': callWith(hex('d9 54af 01')),
};

for (const [name, bytes] of Object.entries(FROM_A_PEER)) {
  test.serial(`a peer sends ${name}: it is cut off, and nobody else is harmed`, async (t) => {
    await throwAt(t, bytes, { letIn: true, answer: hangsUp });

    t.pass();
  });
}

/** An honest peer may say these of what has just gone: they do not cost the connection. */
const LATE: Readonly<Record<string, Uint8Array>> = {
  'items for a channel of nobody': frame(17, 2, [1]),
  'credit for a channel of nobody': frame(18, 2, 1),
  'the end of a channel of nobody': frame(19, 2),
  'an end opened on a channel that was never made': frame(16, 2, 99, true, 'x'),
  'a result that nobody waits for': frame(10, 99, 'x'),
  'a failure that nobody waits for': frame(11, 99, 'x'),
  'a cancel of a call of nobody': frame(12, 99),
  'a down notice for a monitor of nobody': frame(25, 99, { kind: 'stopped' }),
  'an end of watching nobody': frame(26, 99),
  'a tell to nobody': frame(9, 99, 'add', [1]),
  'a thousand cancels': envelope(Buffer.concat(new Array<Buffer>(1_000).fill(hex('82 0c 18 63')))),
};

for (const [name, bytes] of Object.entries(LATE)) {
  test.serial(`a peer sends ${name}: its connection goes on`, async (t) => {
    await throwAt(t, bytes, { letIn: true, answer: goesOn });

    t.pass();
  });
}

const COUNTER = ['counter', 'one', 0];

/** Well-formed calls of what is not to be called: each is answered by an error with its code. */
const REFUSED: readonly (readonly [what: string, call: Uint8Array, code: string])[] = [
  ...['constructor', '__proto__', 'toString', 'then', 'secret', 'started', 'stop', ''].map(
    (method) =>
      [
        `the method '${method}'`,
        frame(8, 1, COUNTER, method, [], 1_000),
        'ERR_NO_SUCH_METHOD',
      ] as const,
  ),
  ['an actor of nobody', frame(8, 1, 99, 'add', [1], 1_000), 'ERR_ACTOR_DOWN'],
  ['a service of nobody', frame(8, 1, 'constructor', 'add', [1], 1_000), 'ERR_NO_SUCH_ACTOR'],
  ['a kind of nobody', frame(8, 1, ['__proto__', 'x', 0], 'add', [1], 1_000), 'ERR_NO_SUCH_ACTOR'],
];

for (const [what, bytes, code] of REFUSED) {
  test.serial(`a peer calls ${what}: it is told ${code}`, async (t) => {
    await throwAt(t, bytes, { letIn: true, answer: (stranger) => stranger.hears(code) });

    t.pass();
  });
}

test.serial('a peer of another version is told so, in its own language', async (t) => {
  const stranger = new Stranger(await address);

  stranger.write(handshake(1, { ...HELLO, versions: [7, 9] }));
  const { type, body } = await stranger.message();
  await stranger.closed;

  t.is(type, 5);
  t.deepEqual(body, { reason: 'version' });
});

test.serial('a hundred silent strangers do not keep a caller out', async (t) => {
  const to = await address;
  const strangers = Array.from({ length: 100 }, () => new Stranger(to));

  t.true(await isServing());

  for (const stranger of strangers) await stranger.end();
});
