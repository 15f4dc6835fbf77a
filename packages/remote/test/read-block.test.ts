import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  type Connection,
  tcpTransport,
  tlsTransport,
  type Transport,
  unixTransport,
} from '@troupe/remote';
import { ReadBlock, type Reader } from '../dist/read-block.js';
import { authority } from './certificates.js';

/** Both ends of one connection, not started, and what listened for it. */
async function pair(transport: Transport, address: string) {
  let tell: (connection: Connection) => void = () => undefined;
  const accepted = new Promise<Connection>((resolve) => (tell = resolve));
  const listener = await transport.listen(address, (connection) => tell(connection));
  const dialled = await transport.dial(listener.address, { timeoutMs: 30_000 });
  return { listener, dialled, accepted: await accepted };
}

const WORDS = ['one', 'two', 'three'];

/** Sends one word after the other. @returns the chunks that they arrived in */
async function chunksOf(from: Connection, to: Connection, readsInPlace: boolean) {
  const chunks: Uint8Array[] = [];
  let heard: (text: string) => void = () => undefined;
  to.start({
    readsInPlace,
    data(chunk) {
      chunks.push(chunk);
      heard(Buffer.from(chunk).toString());
    },
    closed: () => undefined,
  });
  for (const word of WORDS) {
    const arrived = new Promise<string>((resolve) => (heard = resolve));
    from.write(Buffer.from(word));
    if ((await arrived) !== word) throw new Error(`'${word}' came in pieces`);
  }
  return chunks;
}

const readsInPlace = test.macro({
  title: (_, name: string) => `${name}: both ends read into the memory of their transport`,
  async exec(t, _: string, transport: Transport, address: string) {
    const { listener, dialled, accepted } = await pair(transport, address);

    const there = await chunksOf(dialled, accepted, true);
    const back = await chunksOf(accepted, dialled, true);

    // One transport has one block for all.
    t.is(new Set([...there, ...back].map(({ buffer }) => buffer)).size, 1);
    const closed = listener.close();
    dialled.destroy();
    await closed; // The accepted one has ended too, for its server as well.
  },
});

const givesAway = test.macro({
  title: (_, name: string) => `${name}: chunks stay as they are for who does not read in place`,
  async exec(t, _: string, transport: Transport, address: string) {
    const { listener, dialled, accepted } = await pair(transport, address);

    const there = await chunksOf(dialled, accepted, false);
    const back = await chunksOf(accepted, dialled, false);

    const texts = [...there, ...back].map((chunk) => Buffer.from(chunk).toString());
    t.deepEqual(texts, [...WORDS, ...WORDS]);
    dialled.destroy();
    await listener.close();
  },
});

test(readsInPlace, 'tcp', tcpTransport(), '127.0.0.1:0');
test(givesAway, 'tcp', tcpTransport(), '127.0.0.1:0');

const tls = tlsTransport(async () => (await authority()).issue());
test(readsInPlace, 'tls', tls, '127.0.0.1:0');
test(givesAway, 'tls', tls, '127.0.0.1:0');

const folder = mkdtempSync(join(tmpdir(), 'troupe-'));
test(readsInPlace, 'unix', unixTransport(), `unix:${join(folder, 'a')}`);
test(givesAway, 'unix', unixTransport(), `unix:${join(folder, 'b')}`);
test.after.always(() => rmSync(folder, { recursive: true }));

/** A socket as its server has it, not read from yet, and a connection to it. */
async function accepted() {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('not a TCP server');
  const connecting = once(server, 'connection') as Promise<[Socket]>;
  const dialled = await tcpTransport().dial(`127.0.0.1:${bound.port}`, { timeoutMs: 30_000 });
  const [socket] = await connecting;
  return { server, socket, dialled };
}

test('a socket that has ended before it could be diverted is left as it is', async (t) => {
  const { server, socket, dialled } = await accepted();
  socket.destroy();

  t.false(new ReadBlock().divert(socket, {}));

  dialled.destroy();
  server.close();
});

test('what a socket reads before anybody takes it comes as from any stream', async (t) => {
  const { server, socket, dialled } = await accepted();
  const reader: Reader = {};
  t.true(new ReadBlock().divert(socket, reader));

  const early = once(socket, 'data') as Promise<[Buffer]>;
  socket.resume();
  dialled.write(Buffer.from('one'));
  t.is(String((await early)[0]), 'one');
  const late = new Promise<string>((resolve) => {
    reader.take = (chunk) => resolve(Buffer.from(chunk).toString());
  });
  dialled.write(Buffer.from('two'));

  t.is(await late, 'two');
  dialled.destroy();
  server.close();
});
