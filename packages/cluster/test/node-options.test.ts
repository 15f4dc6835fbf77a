import test from 'ava';
import { Actor, BadOption, rpc } from '@troupe/actor';
import { dnsSeeds, gossip, type NodeOptions, startNode, staticMembers } from '@troupe/cluster';
import { MemoryNetwork } from '@troupe/remote';

class Idle extends Actor {
  @rpc wait(): void {}
}

const memory = new MemoryNetwork().transport('a');
const PEM = '-----BEGIN CERTIFICATE-----';
const door = { listen: 'ws://127.0.0.1:0/door', authenticate: () => ({}), permits: () => true };

/** As a program in JavaScript may have it. */
const any = (value: unknown): never => value as never;

/** As a program in JavaScript, or a file of settings, may say it. */
const wrong: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
  ['name', { name: 'a/b' }, /^name is 'a\/b': give 1 … 64 letters/],
  ['callTimeoutMs', { callTimeoutMs: Number.NaN }, /^callTimeoutMs is NaN: .*in 1 … 2147483647$/],
  ['limits.callsMax', { limits: { callsMax: 0 } }, /^limits\.callsMax is 0: .*of at least 1$/],
  ['workers', { workers: Number.NaN }, /^workers is NaN: give an integer in 1 … 256$/],
  ['workers.count', { workers: { count: 0.5 } }, /^workers\.count is 0\.5: /],
  ['workers', { workers: 1 }, /list the URL of the module/],
  ["channels['audit'].capacity", { channels: { audit: { capacity: -1 } } }, / is -1: /],
  ['advertise', { advertise: 'a.example:7001' }, /pass listen as well$/],
  ['advertise', { listen: '127.0.0.1:0', advertise: '[::]:7001' }, /that others can reach$/],
  ['tls', { tls: () => ({}), transport: memory }, /^tls is a function: pass either that or/],
  ['tls.key', { tls: {} }, /^tls\.key is missing: give what is in the file, a text that begins/],
  [
    'tls.cert',
    { tls: { key: PEM, cert: './cert.pem', ca: PEM } },
    /^tls\.cert is no PEM: .* begins with -----BEGIN, and not its path$/,
  ],
  [
    'tls.ca[1]',
    { tls: { key: PEM, cert: PEM, ca: [PEM, './ca.pem'] } },
    /^tls\.ca\[1\] is no PEM: /,
  ],
  ['tls.pass', { tls: { key: PEM, cert: PEM, ca: PEM, pass: 'x' } }, /^tls\.pass is no option: /],
  ['outsiders.listen', { outsiders: {} }, /^outsiders\.listen is undefined: give ws:/],
  [
    'outsiders.authenticate',
    { outsiders: { listen: 'ws://127.0.0.1:0/door', permits: () => true } },
    /says whose token it is, or nobody could get in$/,
  ],
  ['outsiders.origin', { outsiders: { ...door, origin: [] } }, /did you mean origins\?$/],
  ['jion', { jion: ['127.0.0.1:1'] }, /^jion is no option: did you mean join\?$/],
  ['actor', { actor: [Idle] }, /^actor is no option: did you mean actors\?$/],
  ['secert', { secert: 'a secret of tests' }, /^secert is no option: did you mean secret\?$/],
  ['toString', { toString: 5 }, /^toString is no option: there are name, listen, advertise, join/],
  ['name', { name: 5 }, /^name is 5: give 1 … 64 letters/],
  [
    'listen',
    { listen: 'localhost' },
    /^listen is 'localhost': an address is host:port, for example/,
  ],
  ['listen', { listen: ':7001' }, /^listen is ':7001': an address is host:port, for example/],
  ['listen', { listen: 7001 }, /^listen is 7001: give an address, such as '127\.0\.0\.1:7001'$/],
  [
    'advertise',
    { listen: '127.0.0.1:0', advertise: 'x' },
    /^advertise is 'x': an address is host:/,
  ],
  ['join', { join: '127.0.0.1:1' }, /^join is '127\.0\.0\.1:1': give a list of addresses, such as/],
  ['join[0]', { join: [''] }, /^join\[0\] is '': give an address/],
  ['join[1]', { join: ['127.0.0.1:1', 'b'] }, /^join\[1\] is 'b': an address is host:port/],
  ['roles', { roles: 'web' }, /^roles is 'web': give a list of texts$/],
  ['secret', { secret: 5 }, /^secret is 5: give a text, or a list of texts$/],
  ['actors', { actors: Idle }, /^actors is a function: give a list of classes/],
  [
    'actors[0]',
    { actors: ['k'] },
    /^actors\[0\] is 'k': give a class that extends Actor, or the URL/,
  ],
  ['channels', { channels: 5 }, /^channels is 5: give what there is to know/],
  ["channels['x']", { channels: { x: 5 } }, /^channels\['x'\] is 5: give an object/],
  ["channels['x'].schema", { channels: { x: { schema: 5 } } }, / is 5: give a Standard Schema$/],
  ['workers', { workers: 'two' }, /^workers is 'two': give how many, or their options$/],
  ['workers.setup', { workers: { count: 1, setup: './s.js' } }, / is '\.\/s\.js': give the URL of/],
  ['data', { name: 'a', data: 5 }, /^data is 5: give the path of a directory/],
  ['consensus', { consensus: 5 }, /^consensus is 5: give an object/],
  ['consensus.voter', { consensus: { voter: ['a'] } }, /is no option: did you mean voters\?$/],
  ['consensus.log.reserve', { consensus: { log: { reserve: 0 } } }, / is no option: there are /],
  ['consensus.thread.port', { consensus: { thread: { port: 1 } } }, / is no option: there are /],
  ['limits.calls', { limits: { calls: 1 } }, /^limits\.calls is no option: there are callsMax, /],
  ['errors[0]', { errors: [5] }, /^errors\[0\] is 5: give a class$/],
  ['membership', { membership: 'gossip' }, /^membership is 'gossip': give a Membership, such as/],
  ['membership', { membership: gossip }, /^membership is a function: give a Membership, such as/],
  ['placement', { placement: {} }, /^placement is an object: give a Placement, such as/],
  ['transport', { transport: 'tcp' }, /^transport is 'tcp': give a Transport, such as/],
  ['env', { env: {} }, /^env is an object: give an Env, such as processEnv\(\)$/],
  ['supervision', { supervision: 'one' }, /^supervision is 'one': give a Supervision, such as/],
  ['interceptors[0]', { interceptors: [5] }, /^interceptors\[0\] is 5: give a function$/],
  [
    'edgeInterceptors',
    { edgeInterceptors: 5 },
    /^edgeInterceptors is 5: give a list of functions$/,
  ],
  ['onDeadLetter', { onDeadLetter: 5 }, /^onDeadLetter is 5: give a function$/],
  ['onFailure', { onFailure: 5 }, /^onFailure is 5: give a function$/],
];

for (const [option, options, message] of wrong) {
  test(`startNode refuses ${option} of ${JSON.stringify(options)}`, async (t) => {
    const error = await t.throwsAsync(startNode(options as NodeOptions), {
      instanceOf: BadOption,
      message,
    });

    t.like(error, { option, executed: 'no' });
  });
}

test('options that are none are refused, and what a simulated world adds to them is not', async (t) => {
  await t.throwsAsync(startNode(any(5)), {
    instanceOf: BadOption,
    message: 'options is 5: give an object, such as { name: … }',
  });
  await using node = await startNode(any({ name: 'a', files: {}, datagrams: () => undefined }));

  t.is(node.name, 'a');
});

test('changes of members that are none are refused before anybody is asked', async (t) => {
  await using node = await startNode();
  const change = (changes: unknown, options: unknown = {}): Promise<unknown> =>
    node.consensus.changeMembers('g', any(changes), any(options));

  for (const [run, option, message] of [
    [change({ add: 'b' }), 'changes', /^changes is an object: give a list, such as \[\{ add: 'b'/],
    [
      change([{ add: 'b', as: 'king' }]),
      'changes[0].as',
      /^changes\[0\]\.as is 'king': give one of/,
    ],
    [change([{ add: 'b' }], { timeout: 5 }), 'timeout', /did you mean timeoutMs\?$/],
  ] as const) {
    t.like(await t.throwsAsync(run, { instanceOf: BadOption, message }), { option });
  }
});

test('what is no class of actors is no entity, and is started nowhere', async (t) => {
  await using node = await startNode({ name: 'a' });
  const message = /^target is an object: give a class that extends Actor$/;

  t.throws(() => node.entity(any({}), 'x'), { instanceOf: BadOption, message });
  await t.throwsAsync(node.at('a').spawn(any({})), { instanceOf: BadOption, message });
});

test('what finds members says at once what it cannot use', (t) => {
  const never: unknown = 'slow';
  const plugIns: readonly (readonly [string, () => unknown])[] = [
    ['intervalMs', () => staticMembers({ intervalMs: 0 })],
    ['suspectAfterMs', () => staticMembers({ suspectAfterMs: Number.NaN })],
    ['downAfterMs', () => staticMembers({ downAfterMs: -1 })],
    ['refusedDownAfterMs', () => staticMembers({ refusedDownAfterMs: Infinity })],
    ['profile', () => gossip({ profile: never as 'lan' })],
    ['settings', () => gossip({ settings: { periodMs: Number.NaN } })],
    ['settings', () => gossip({ profile: 'local', settings: { probeTimeoutMs: 1_000 } })],
    ['port', () => dnsSeeds('nodes.example', { port: 70_000 })],
  ];

  for (const [option, make] of plugIns) {
    const error = t.throws(make, { instanceOf: BadOption });

    t.is(error?.option, option);
  }
});

test('a capacity that is none is refused before anybody is asked', async (t) => {
  await using node = await startNode();
  const before = node.system.size;

  await t.throwsAsync(node.channel('audit', { capacity: -1 }), { instanceOf: BadOption });

  t.is(node.system.size, before);
});

test('a node that is told to stop in no time goes on', async (t) => {
  await using node = await startNode();

  await t.throwsAsync(node.stop(Number.NaN), { instanceOf: BadOption });

  await t.notThrowsAsync(async () => node.spawn(Idle).wait());
});
