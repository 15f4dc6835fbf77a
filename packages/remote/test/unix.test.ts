import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type Connection, ListenFailed, networkTransport, unixTransport } from '@troupe/remote';

const transport = unixTransport();
const ignore = (connection: Connection): void => connection.destroy();

/** A folder of one test's own. */
async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'troupe-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test('a socket is open to its owner only, and gone when it is closed', async (t) => {
  await using dir = await folder();
  const listener = await transport.listen(`unix:${dir.path}/a.sock`, ignore);

  const { mode } = await stat(`${dir.path}/a.sock`);

  t.is(mode & 0o777, 0o600);
  t.deepEqual(await readdir(dir.path), ['a.sock']);
  await listener.close();
  t.deepEqual(await readdir(dir.path), []);
});

test('a socket that a killed process has left behind is replaced', async (t) => {
  await using dir = await folder();
  const path = `${dir.path}/a.sock`;
  const script = `require('net').createServer().listen('${path}', () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  t.true((await stat(path)).isSocket());

  const listener = await transport.listen(`unix:${path}`, ignore);

  const near = await transport.dial(`unix:${path}`, { timeoutMs: 5_000 });
  t.true(near.isLoopback);
  near.destroy();
  await listener.close();
});

test('a socket at which somebody listens is not touched', async (t) => {
  await using dir = await folder();
  const path = `${dir.path}/a.sock`;
  const other = createServer();
  await new Promise<void>((resolve) => void other.listen(path, resolve));

  const error = await t.throwsAsync(transport.listen(`unix:${path}`, ignore), {
    instanceOf: ListenFailed,
  });

  t.regex(error?.message ?? '', /another process listens there/);
  t.deepEqual(await readdir(dir.path), ['a.sock']);
  await new Promise((resolve) => other.close(resolve));
});

test('a file that is no socket is not touched', async (t) => {
  await using dir = await folder();
  await writeFile(`${dir.path}/notes`, 'precious');

  const error = await t.throwsAsync(transport.listen(`unix:${dir.path}/notes`, ignore), {
    instanceOf: ListenFailed,
  });

  t.regex(error?.message ?? '', /no socket/);
  t.deepEqual(await readdir(dir.path), ['notes']);
});

test('a closed listener leaves alone what has taken its place', async (t) => {
  await using dir = await folder();
  const path = `${dir.path}/a.sock`;
  const listener = await transport.listen(`unix:${path}`, ignore);
  await rm(path);
  await writeFile(path, 'of somebody else');

  await listener.close();

  t.true((await stat(path)).isFile());
});

test('a path that a system would cut off is refused', async (t) => {
  const address = `unix:/${'x'.repeat(100)}`;

  await t.throwsAsync(transport.listen(address, ignore), { message: /at most 100 bytes/ });
});

for (const address of ['unix:a.sock', 'a.sock', '127.0.0.1:1', 'unix:']) {
  test(`'${address}' is no address of a Unix socket`, async (t) => {
    await t.throwsAsync(async () => transport.dial(address, { timeoutMs: 1 }), {
      instanceOf: TypeError,
    });
  });
}

test('the form of an address chooses the transport', async (t) => {
  await using dir = await folder();
  const network = networkTransport();
  const socket = await network.listen(`unix:${dir.path}/a.sock`, ignore);
  const port = await network.listen('127.0.0.1:0', ignore);

  t.false(network.needsSecret(socket.address));
  t.true(network.needsSecret('0.0.0.0:1'));
  t.regex(port.address, /^127\.0\.0\.1:\d+$/);
  t.throws(() => network.needsSecret('carrier:/pigeon'), { message: /no transport for carrier:/ });
  await Promise.all([socket.close(), port.close()]);
});
