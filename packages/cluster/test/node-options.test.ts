import test from 'ava';
import { Actor, BadOption, rpc } from '@troupe/actor';
import { dnsSeeds, gossip, type NodeOptions, startNode, staticMembers } from '@troupe/cluster';
import { MemoryNetwork } from '@troupe/remote';

class Idle extends Actor {
  @rpc wait(): void {}
}

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
  ['tls', { tls: {}, transport: new MemoryNetwork().transport('a') }, /^tls is an object: pass/],
  ['outsiders.listen', { outsiders: {} }, /^outsiders\.listen is undefined: give ws:/],
  [
    'outsiders.authenticate',
    { outsiders: { listen: 'ws://127.0.0.1:0/door', permits: () => true } },
    /says whose token it is, or nobody could get in$/,
  ],
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
