import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { generate } from 'selfsigned';
import {
  Actor,
  actor,
  CertificateRefused,
  command,
  type ConsensusOptions,
  HandshakeRefused,
  Machine,
  MemoryStore,
  processEnv,
  rpc,
  startNode,
  type TlsCredentials,
  tlsTransport,
} from 'troupe';
import { Cruncher } from './workers/actors.js';

@actor({ kind: 'counter' })
class Counter extends Actor {
  #count = 0;
  @rpc add(by: number): number {
    return (this.#count += by);
  }
}

const ACTORS = new URL('./workers/actors.js', import.meta.url);

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const env = processEnv({ log: quiet });

const EC = { keyType: 'ec', algorithm: 'sha256' } as const;

/** Signs certificates of nodes by the names that they are made out to. */
type Authority = (name: string) => Promise<TlsCredentials>;

async function authority(): Promise<Authority> {
  const ca = await generate([{ name: 'commonName', value: 'authority' }], {
    ...EC,
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'keyUsage', keyCertSign: true },
    ],
  });
  return async (name) => {
    const node = await generate([{ name: 'commonName', value: name }], {
      ...EC,
      ca: { key: ca.private, cert: ca.cert },
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    return { key: node.private, cert: node.cert, ca: ca.cert };
  };
}

/** A new authority's certificate of one node. */
async function certificates(): Promise<TlsCredentials> {
  return (await authority())('node');
}

test('nodes with certificates of one authority need no secret, even beyond this machine', async (t) => {
  const tls = await certificates();
  const everywhere = { listen: '0.0.0.0:0', advertise: '127.0.0.1:0' };
  await using a = await startNode({ ...everywhere, name: 'a', tls, actors: [Counter] });
  await using b = await startNode({ name: 'b', tls, join: [a.address], actors: [] });

  t.is(await b.entity(Counter, 'x').add(1), 1);
});

test('a node with a certificate of another authority cannot join, and is told why', async (t) => {
  const listen = '127.0.0.1:0';
  await using a = await startNode({ name: 'a', listen, tls: await certificates(), env });
  const tls = await certificates();

  const error = await t.throwsAsync(startNode({ name: 'b', tls, join: [a.address], env }));

  t.true(error?.cause instanceof CertificateRefused);
  t.regex(error?.message ?? '', /no authority in tls\.ca has signed it/);
  t.is(a.members().length, 1);
});

test('a node without certificates cannot join one that has them, and is told why', async (t) => {
  const listen = '127.0.0.1:0';
  await using a = await startNode({ name: 'a', listen, tls: await certificates(), env });

  const error = await t.throwsAsync(startNode({ name: 'b', join: [a.address], env }));

  t.true(error?.cause instanceof HandshakeRefused);
  t.regex(error?.message ?? '', /the other side speaks TLS; start either all nodes with tls/);
  t.is(a.members().length, 1);
});

test('workers show the certificates of their node, renewed ones too', async (t) => {
  const issue = await authority();
  let current = await issue('old');
  const tls = tlsTransport(() => current);
  const workers = { count: 1, actors: [ACTORS] };
  await using node = await startNode({ listen: '127.0.0.1:0', tls, workers, actors: [], env });
  const [name = ''] = node.workers;
  const worker = node.members().find((member) => member.name === name);
  const caller = tlsTransport(await issue('caller'));
  const shown = async (): Promise<string | undefined> => {
    const connection = await caller.dial(worker?.address ?? '', { timeoutMs: 5_000 });
    connection.destroy();
    return connection.caller?.name;
  };

  t.is(await shown(), 'old');
  current = await issue('new');
  await tls.reload();

  // The thread hears of it a moment later.
  for (let i = 0; i < 100 && (await shown()) === 'old'; i += 1) await pause(20);
  t.is(await shown(), 'new');
});

class Sum extends Machine {
  total = 0;
  @command add(by: number): number {
    return (this.total += by);
  }
}

test('threads of consensus show the certificates of their nodes, renewed ones too', async (t) => {
  const issue = await authority();
  let current = await issue('old');
  const tls = tlsTransport(() => current);
  const consensus = (): ConsensusOptions => {
    return { voters: ['a', 'b'], store: new MemoryStore(), thread: true };
  };
  const options = { listen: '127.0.0.1:0', actors: [], env };
  await using a = await startNode({ ...options, name: 'a', tls, consensus: consensus() });
  const b = { name: 'b', tls: await issue('b'), join: [a.address], consensus: consensus() };
  await using other = await startNode({ ...options, ...b });
  const [sum] = await Promise.all([a, other].map((node) => node.replicated(Sum, 'sum')));
  const { meta } = a.members().find(({ name }) => name === 'a') ?? {};
  const caller = tlsTransport(await issue('caller'));
  const shown = async (): Promise<string | undefined> => {
    const connection = await caller.dial(meta?.consensusAddress ?? '', { timeoutMs: 5_000 });
    connection.destroy();
    return connection.caller?.name;
  };

  t.is(await sum?.add(2), 2);
  t.is(await shown(), 'old');
  current = await issue('new');
  await tls.reload();

  // The thread hears of it a moment later.
  for (let i = 0; i < 500 && (await shown()) === 'old'; i += 1) await pause(20);
  t.is(await shown(), 'new');
});

test('nodes find each other over Unix sockets', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-'));
  const listen = `unix:${folder}/a.sock`;
  const a = await startNode({ name: 'a', listen, actors: [Counter] });
  const b = await startNode({ name: 'b', join: [listen], actors: [] });

  t.is(await b.entity(Counter, 'x').add(1), 1);

  await b.stop();
  await a.stop();
  await rm(folder, { recursive: true });
});

test('a node and its workers are reached where they say, and not where they listen', async (t) => {
  const options = { listen: '127.0.0.1:0', advertise: 'localhost:0', env };
  await using a = await startNode({ ...options, name: 'a', actors: [ACTORS], workers: 1 });

  t.regex(a.address, /^localhost:\d+$/);
  await using b = await startNode({ ...options, name: 'b', join: [a.address], actors: [Counter] });

  for await (const { member } of b.watchMembers(new AbortController().signal)) {
    t.regex(member.address, /^localhost:[1-9]\d*$/);
    if (member.name === 'a-w1') break;
  }
  const cruncher = await b.at('a-w1').spawn(Cruncher, 5);
  t.is(await cruncher.sum(3), 11);
});
