import { connect } from 'node:tls';
import test from 'ava';
import { BadOption, processEnv } from '@troupe/actor';
import {
  CertificateRefused,
  type CertificateIssue,
  type Connection,
  HandshakeRefused,
  type Listener,
  type PeerIdentity,
  tcpTransport,
  tlsTransport,
  type TlsSource,
} from '@troupe/remote';
import { acceptLink, dialLink } from '../dist/link.js';
import { authority, type Authority, type CertificateOptions } from './certificates.ts';

const LOCAL = '127.0.0.1:0';
const timeoutMs = 5_000;

/** Who listens with certificates, and whom it has let in and turned away. */
interface Listening extends AsyncDisposable {
  readonly address: string;
  reload(): Promise<void>;
  accepted(): Promise<Connection>;
  refused(): Promise<Error>;
}

async function listening(source: TlsSource): Promise<Listening> {
  const transport = tlsTransport(source);
  const accepted = queue<Connection>();
  const refused = queue<Error>();
  const listener: Listener = await transport.listen(LOCAL, accepted.put, (_, e) => refused.put(e));
  return {
    address: listener.address,
    reload: () => transport.reload(),
    accepted: accepted.take,
    refused: refused.take,
    async [Symbol.asyncDispose]() {
      await listener.close();
    },
  };
}

function queue<T>(): { put(item: T): void; take(): Promise<T> } {
  const items: T[] = [];
  const waiting: ((item: T) => void)[] = [];
  return {
    put(item) {
      const next = waiting.shift();
      if (next === undefined) items.push(item);
      else next(item);
    },
    take() {
      const item = items.shift();
      return item === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(item);
    },
  };
}

async function dial(
  source: TlsSource,
  { address }: { readonly address: string },
): Promise<Connection> {
  return tlsTransport(source).dial(address, { timeoutMs });
}

test('both ends know whom the other certificate is made out to', async (t) => {
  const ca = await authority();
  await using server = await listening(await ca.issue({ commonName: 'ann' }));

  const near = await dial(await ca.issue({ commonName: 'bob', dns: 'bob.example' }), server);
  const far = await server.accepted();

  t.like(near.caller, { kind: 'node', name: 'ann' });
  t.like(far.caller, { kind: 'node', name: 'bob' });
  t.deepEqual(far.caller?.claims?.['names'], ['IP Address:127.0.0.1', 'DNS:bob.example']);
  near.destroy();
});

interface Refusal {
  readonly listener?: CertificateOptions;
  readonly dialler?: CertificateOptions;
  /** By whose authority the dialler's certificate is signed. */
  readonly strange?: boolean;
  /** As the dialler and the listener are told. */
  readonly told: readonly [whose: 'ours' | 'theirs', issue: CertificateIssue];
}

const refusals: Readonly<Record<string, Refusal>> = {
  'an expired certificate of the listener': {
    listener: { days: [-2, -1] },
    told: ['theirs', 'expired'],
  },
  'an expired certificate of the dialler': {
    dialler: { days: [-2, -1] },
    told: ['ours', 'expired'],
  },
  'a certificate of tomorrow': { dialler: { days: [1, 2] }, told: ['ours', 'not-yet-valid'] },
  'a certificate for another host': {
    listener: { ip: '127.0.0.2' },
    told: ['theirs', 'wrong-name'],
  },
  'a certificate for servers only, from a dialler': {
    dialler: { usage: { serverAuth: true } },
    told: ['ours', 'purpose'],
  },
  'a certificate of another authority': { strange: true, told: ['ours', 'unknown-authority'] },
};

for (const [name, { listener, dialler, strange = false, told }] of Object.entries(refusals)) {
  test(`${name} is refused, and both sides are told whose it is and why`, async (t) => {
    const ca = await authority();
    const other = strange ? await authority('somebody else') : ca;
    await using server = await listening(await ca.issue(listener));
    const credentials = { ...(await other.issue(dialler)), ca: ca.cert };

    const error = await t.throwsAsync(dial(credentials, server), {
      instanceOf: CertificateRefused,
    });

    const [whose, issue] = told;
    t.like(error, { whose, issue, code: 'ERR_CERTIFICATE_REFUSED' });
    t.like(await server.refused(), { whose: whose === 'ours' ? 'theirs' : 'ours', issue });
  });
}

test('whoever shows no certificate is turned away', async (t) => {
  const ca = await authority();
  await using server = await listening(await ca.issue());
  const [host, port] = server.address.split(':');

  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  socket.on('error', () => undefined);

  t.like(await server.refused(), { whose: 'theirs', issue: 'missing' });
  socket.destroy();
});

test('TLS before 1.3 is not spoken', async (t) => {
  const ca = await authority();
  const credentials = await ca.issue();
  await using server = await listening(credentials);
  const [host, port] = server.address.split(':');

  const socket = connect({
    host,
    port: Number(port),
    ...credentials,
    ca: ca.cert,
    maxVersion: 'TLSv1.2',
  });

  const error = await new Promise((resolve) => socket.once('error', resolve));
  t.regex(String(error), /protocol version/);
  t.regex((await server.refused()).message, /unsupported protocol/);
});

test('of the ciphers that both sides have, the one with the fewest rounds is taken', async (t) => {
  const ca = await authority();
  await using server = await listening(await ca.issue());
  const [host, port] = server.address.split(':');

  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('secureConnect', resolve));

  t.is(socket.getCipher().name, 'TLS_AES_128_GCM_SHA256');
  socket.destroy();
});

test('a node with certificates and one without tell each other so', async (t) => {
  const ca = await authority();
  const credentials = await ca.issue();
  await using server = await listening(credentials);
  const plain = await tcpTransport().listen(LOCAL, (connection) => {
    connection.start({ data: () => connection.destroy(), closed: () => undefined });
  });

  const self = { name: 'a', incarnation: '1', address: '' };
  const { address } = server;
  const plainly = { env: processEnv(), self, transport: tcpTransport(), address, timeoutMs };

  const toPlain = await t.throwsAsync(dial(credentials, plain));
  const toTls = await t.throwsAsync(dialLink(plainly), {
    instanceOf: HandshakeRefused,
  });

  t.like(toPlain, { issue: 'no-tls' });
  t.like(await server.refused(), { issue: 'no-tls' });
  t.like(toTls, { reason: 'tls' });
  await plain.close();
});

test('a name that all certificates bear stands for any host', async (t) => {
  const ca = await authority();
  const credentials = await ca.issue({ ip: '127.0.0.9', dns: 'node.example' });
  await using server = await listening(credentials);

  const near = await dial({ ...credentials, serverName: 'node.example' }, server);

  t.like(near.caller, { name: 'node' });
  near.destroy();
});

test('one certificate serves nodes of any names, and says who calls', async (t) => {
  const ca = await authority();
  const credentials = await ca.issue({ commonName: 'shared' });
  await using server = await listening(credentials);
  const { address } = server;
  const env = processEnv();
  const self = (name: string): PeerIdentity => ({ name, incarnation: '1', address: '' });

  const transport = tlsTransport(credentials);
  const dialled = dialLink({ env, self: self('a'), transport, address, timeoutMs });
  const far = await acceptLink(await server.accepted(), { env, self: self('b') });
  const near = await dialled;

  t.deepEqual([near.agreement.peer.name, far.agreement.peer.name], ['b', 'a']);
  t.deepEqual([near.caller.name, far.caller.name], ['shared', 'shared']);
  near.destroy(new Error('enough'));
});

test('renewed certificates are used from the next connection on, and those that stand live on', async (t) => {
  const ca = await authority();
  let current = await ca.issue({ commonName: 'old' });
  await using server = await listening(() => current);
  const own = await ca.issue();
  const before = await dial(own, server);
  const standing = await server.accepted();

  current = await ca.issue({ commonName: 'new' });
  await server.reload();
  const after = await dial(own, server);

  const heard = new Promise<string>((resolve) => {
    before.start({
      data: (chunk) => resolve(Buffer.from(chunk).toString()),
      closed: () => resolve(''),
    });
  });
  standing.write(Buffer.from('still here'));
  const word = await heard;
  // First of all, or the server, which waits for them to end, keeps a failure from being told.
  before.destroy();
  after.destroy();

  t.is(before.caller?.name, 'old');
  t.is(after.caller?.name, 'new');
  t.is(word, 'still here');
});

test('credentials that cannot be used are refused by name, and the old ones stay', async (t) => {
  const ca = await authority();
  const good = await ca.issue({ commonName: 'good' });
  let current = good;
  await using server = await listening(() => current);
  const { key } = await ca.issue();

  current = { ...good, key };
  await t.throwsAsync(server.reload(), { instanceOf: TypeError, message: /key values mismatch/ });
  const near = await dial(good, server);

  t.is(near.caller?.name, 'good');
  near.destroy();
});

test('a path is no PEM, and which one it is has a name', async (t) => {
  const ca = await authority();
  const transport = tlsTransport({ ...(await ca.issue()), cert: './node.pem' });

  const error = await t.throwsAsync(
    transport.listen(LOCAL, () => undefined),
    { instanceOf: BadOption },
  );

  t.is(error?.option, 'tls.cert');
  t.regex(error?.message ?? '', /^tls\.cert is no PEM: give what is in the file, .* not its path$/);
});

test('an authority must be named: the public ones vouch for nobody here', async (t) => {
  const ca: Authority = await authority();
  const transport = tlsTransport({ ...(await ca.issue()), ca: '' });

  await t.throwsAsync(
    transport.listen(LOCAL, () => undefined),
    { instanceOf: BadOption, message: /tls\.ca is missing/ },
  );
});
