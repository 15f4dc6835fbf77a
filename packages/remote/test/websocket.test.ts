import { once } from 'node:events';
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { mock } from 'node:test';
import test from 'ava';
import { WebSocket } from 'ws';
import { type Connection, type Listener, webSocketTransport } from '@troupe/remote';

/** Whom a node has let in, or turned away, first. */
interface Waiting {
  readonly listener: Listener;
  readonly first: Promise<Connection | Error>;
}

async function waiting(): Promise<Waiting> {
  let told!: (first: Connection | Error) => void;
  const first = new Promise<Connection | Error>((resolve) => (told = resolve));
  const refused = (_: string, error: Error): void => told(error);
  const listener = await webSocketTransport().listen('ws://127.0.0.1:0/nodes', told, refused);
  return { listener, first };
}

function ended(socket: WebSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('error', ({ message }) => resolve(message));
    socket.once('close', (code, reason) => resolve(`${code} ${reason.toString()}`));
  });
}

test('a page is turned away, also by a node of its own machine', async (t) => {
  const { listener, first } = await waiting();
  const page = new WebSocket(listener.address, { origin: 'https://evil.example' });

  t.is(await ended(page), 'Unexpected server response: 403');
  t.regex(String(await first), /a page of https:\/\/evil\.example is no node/);
  await listener.close();
});

test('another path is not there, and what is no WebSocket is told so', async (t) => {
  const { listener } = await waiting();
  const elsewhere = new WebSocket(listener.address.replace('/nodes', '/admin'));

  t.is(await ended(elsewhere), 'Unexpected server response: 404');
  const status = await new Promise((resolve) => {
    get(listener.address.replace('ws:', 'http:'), { agent: false }, ({ statusCode }) => {
      resolve(statusCode);
    });
  });
  t.is(status, 426);
  await listener.close();
});

/** A client that keeps its half of a connection, whatever becomes of the other. */
async function visitor({ address }: Listener, said: string): Promise<Socket> {
  const { hostname: host, port } = new URL(address);
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(said);
  return socket;
}

/** Asks for a WebSocket as no library would. */
function asking(path: string): string {
  const key = Buffer.alloc(16).toString('base64');
  const fields = `sec-websocket-version: 13\r\nsec-websocket-key: ${key}`;
  const upgrade = 'host: a\r\nconnection: upgrade\r\nupgrade: websocket';
  return `GET ${path} HTTP/1.1\r\n${upgrade}\r\n${fields}\r\n\r\n`;
}

/** @returns all that a visitor was told, once nothing more will be */
function told(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return new Promise((resolve) => {
    socket.once('end', () => resolve(text));
    socket.once('close', () => resolve(text));
  });
}

for (const path of ['//', '///', 'http://[', '/elsewhere']) {
  test(`who asks for ${path} is told that it is not there, and let go`, async (t) => {
    const { listener } = await waiting();
    const socket = await visitor(listener, asking(path));

    t.regex(await told(socket), /^HTTP\/1.1 404 /);
    await listener.close(); // It waits for no half of a connection.
    socket.destroy();
  });
}

test('who hangs up on being refused does no harm', async (t) => {
  const { listener } = await waiting();

  for (let i = 0; i < 20; i += 1) {
    const socket = await visitor(listener, asking('/elsewhere'));
    socket.resetAndDestroy();
    await told(socket);
  }

  const socket = await visitor(listener, asking('/elsewhere'));
  t.regex(await told(socket), /^HTTP\/1.1 404 /);
  socket.destroy();
  await listener.close();
});

for (const said of ['', 'GET /']) {
  test(`who has said '${said}' and waits does not keep a node from ending`, async (t) => {
    const { listener } = await waiting();
    const socket = await visitor(listener, said);

    const answer = told(socket);
    await listener.close();

    t.is(await answer, '');
    socket.destroy();
  });
}

test('a text is no chunk: the connection is closed', async (t) => {
  const { listener, first } = await waiting();
  const socket = new WebSocket(listener.address);
  socket.once('open', () => socket.send('hello'));
  const far = await first;
  const chunks: Uint8Array[] = [];
  if (far instanceof Error) throw far;
  far.start({ data: (chunk) => chunks.push(chunk), closed: () => undefined });

  t.is(await ended(socket), '1003 messages are binary');
  t.deepEqual(chunks, []);
  await listener.close();
});

test('what a proxy passes on is not of this machine', async (t) => {
  const { listener, first } = await waiting();
  const headers = { 'x-forwarded-for': '203.0.113.7' };
  const socket = new WebSocket(listener.address, { headers });
  const closed = ended(socket);
  const far = await first;

  t.false(far instanceof Error || far.isLoopback);
  if (!(far instanceof Error)) far.destroy();
  await closed;
  await listener.close();
});

test('a message longer than any envelope ends the connection', async (t) => {
  const { listener, first } = await waiting();
  const socket = new WebSocket(listener.address);
  socket.once('open', () => socket.send(Buffer.alloc(18 * 1024 * 1024)));
  const far = await first;
  if (far instanceof Error) throw far;
  const reason = new Promise<Error | undefined>((closed) => {
    far.start({ data: () => t.fail('it came through'), closed });
  });

  t.regex(await ended(socket), /^1009|EPIPE|ECONNRESET/);
  t.regex(String(await reason), /closed with code/);
  await listener.close();
});

/** Has the library's clocks, which are the process's, stand still until they are turned. */
test.serial('what flows after close is waited for, however long it takes', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const { listener, first } = await waiting();
  const socket = new WebSocket(listener.address);
  let bytes = 0;
  socket.on('message', (message) => {
    if (message instanceof Buffer) bytes += message.length;
    mock.timers.tick(1_000);
  });
  const far = await first;
  if (far instanceof Error) throw far;
  const sent = 64 * 128 * 1024;
  for (let i = 0; i < 64; i += 1) far.write(Buffer.alloc(sent / 64));
  far.start({ data: () => undefined, closed: () => undefined });
  far.close();

  t.is(await ended(socket), '1000 ');
  t.is(bytes, sent);
  await listener.close();
});

/** Who reads nothing, and by itself waits for ever. */
const SILENT = { closeTimeout: 2 ** 31 - 1, perMessageDeflate: false };

for (const [who, end] of [
  ['this side', (far: Connection) => far.close()],
  ['the other side', (_: Connection, socket: WebSocket) => socket.close(1000)],
] as const) {
  test(`a connection that ${who} has ended is given up when the other falls silent`, async (t) => {
    const { listener, first } = await waiting();
    const socket = new WebSocket(listener.address, SILENT);
    t.teardown(() => socket.terminate());
    const [far] = await Promise.all([first, once(socket, 'open')]);
    if (far instanceof Error) throw far;
    socket.pause();

    await new Promise((closed) => {
      far.start({ data: () => undefined, closed });
      end(far, socket);
    });

    t.is(far.bufferedBytes, 0);
    await listener.close();
  });
}

for (const address of ['http://127.0.0.1:1/', 'ws:/', '127.0.0.1:1']) {
  test(`'${address}' is no address of a WebSocket`, async (t) => {
    const dial = webSocketTransport().dial(address, { timeoutMs: 1 });

    await t.throwsAsync(dial, { instanceOf: TypeError });
  });
}
