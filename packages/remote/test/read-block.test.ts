import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type Connection, tcpTransport, type Transport, unixTransport } from '@troupe/remote';
import { ReadBlock } from '../dist/read-block.js';

/** Both ends of one connection, not started, and what listened for it. */
async function pair(transport: Transport, address: string) {
  let tell: (connection: Connection) => void = () => undefined;
  const accepted = new Promise<Connection>((resolve) => (tell = resolve));
  const listener = await transport.listen(address, (connection) => tell(connection));
  const dialled = await transport.dial(listener.address, { timeoutMs: 30_000 });
  return { listener, dialled, accepted: await accepted };
}

/** Sends one word after the other. @returns the memory that each of them arrived in */
async function memoryOf(from: Connection, to: Connection): Promise<Set<ArrayBufferLike>> {
  const memory = new Set<ArrayBufferLike>();
  let heard: (text: string) => void = () => undefined;
  to.start({
    data(chunk) {
      memory.add(chunk.buffer);
      heard(Buffer.from(chunk).toString());
    },
    closed: () => undefined,
  });
  for (const word of ['one', 'two', 'three']) {
    const arrived = new Promise<string>((resolve) => (heard = resolve));
    from.write(Buffer.from(word));
    if ((await arrived) !== word) throw new Error(`'${word}' came in pieces`);
  }
  return memory;
}

const readsInPlace = test.macro({
  title: (_, name: string) => `${name}: both ends read into the memory of their transport`,
  async exec(t, _: string, transport: Transport, address: string) {
    const { listener, dialled, accepted } = await pair(transport, address);

    const there = await memoryOf(dialled, accepted);
    const back = await memoryOf(accepted, dialled);

    t.is(there.size, 1);
    t.deepEqual([...back], [...there]); // One transport has one block for all.
    const closed = listener.close();
    dialled.destroy();
    await closed; // The accepted one has ended too, for its server as well.
  },
});

test(readsInPlace, 'tcp', tcpTransport(), '127.0.0.1:0');

const folder = mkdtempSync(join(tmpdir(), 'troupe-'));
test(readsInPlace, 'unix', unixTransport(), `unix:${join(folder, 'a.sock')}`);
test.after.always(() => rmSync(folder, { recursive: true }));

test('a socket that has ended before it could be adopted is left as it is', async (t) => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('not a TCP server');
  const connecting = once(server, 'connection') as Promise<[Socket]>;
  const dialled = await tcpTransport().dial(`127.0.0.1:${bound.port}`, { timeoutMs: 30_000 });
  const [socket] = await connecting;
  socket.destroy();

  const adopted = new ReadBlock().adopt(socket, {});

  t.is(adopted, socket);
  dialled.destroy();
  server.close();
});
