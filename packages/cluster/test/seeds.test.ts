import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { dnsSeeds, fileSeeds, staticSeeds } from '@troupe/cluster';

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 28: 'AAAA', 33: 'SRV' };

/** A DNS server with one name, which answers each type of question with what it is given. */
class NameServer implements AsyncDisposable {
  readonly #socket: Socket = createSocket('udp4');
  readonly records: Record<string, readonly Uint8Array[]>;

  private constructor(records: Record<string, readonly Uint8Array[]>) {
    this.records = records;
    this.#socket.on('message', (question, { port, address }) => {
      this.#socket.send(this.#answer(question), port, address);
    });
  }

  static async start(records: Record<string, readonly Uint8Array[]>): Promise<NameServer> {
    const server = new NameServer(records);
    server.#socket.bind(0, '127.0.0.1');
    await once(server.#socket, 'listening');
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** RFC 1035 §4.1: the question once more, and one record for each answer. */
  #answer(query: Buffer): Buffer {
    const questionEnd = query.indexOf(0, 12) + 5;
    const question = query.subarray(12, questionEnd);
    const type = query.readUInt16BE(questionEnd - 4);
    const found = this.records[TYPES[type] ?? ''] ?? [];
    const header = Buffer.alloc(12);
    header.writeUInt16BE(query.readUInt16BE(0), 0);
    header.writeUInt16BE(0x8180, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    const answers = found.map((bytes) => {
      const head = Buffer.alloc(12);
      head.writeUInt16BE(0xc00c, 0); // The name of the question.
      head.writeUInt16BE(type, 2);
      head.writeUInt16BE(1, 4);
      head.writeUInt32BE(1, 6);
      head.writeUInt16BE(bytes.length, 10);
      return Buffer.concat([head, bytes]);
    });
    return Buffer.concat([header, question, ...answers]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

function srv(priority: number, weight: number, port: number, host: string): Uint8Array {
  const name = host.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  const numbers = Buffer.alloc(6);
  numbers.writeUInt16BE(priority, 0);
  numbers.writeUInt16BE(weight, 2);
  numbers.writeUInt16BE(port, 4);
  return Uint8Array.from([...numbers, ...name, 0]);
}

test('a list stays as it is', async (t) => {
  t.deepEqual(await staticSeeds(['a:1', 'b:1'])(), ['a:1', 'b:1']);
});

test('hosts of a name are asked for each time, of both families', async (t) => {
  const six = Uint8Array.from([0x20, 1, ...Array.from({ length: 13 }, () => 0), 1]);
  await using server = await NameServer.start({ A: [Uint8Array.of(10, 0, 0, 1)], AAAA: [six] });
  const seeds = dnsSeeds('nodes.test', { port: 7_000, servers: [server.address] });

  t.deepEqual(await seeds(), ['10.0.0.1:7000', '[2001::1]:7000']);
  server.records['A'] = [Uint8Array.of(10, 0, 0, 2)];
  server.records['AAAA'] = [];
  t.deepEqual(await seeds(), ['10.0.0.2:7000']);
});

test('SRV records give hosts with their ports, the most preferred first', async (t) => {
  await using server = await NameServer.start({
    SRV: [srv(20, 0, 7_003, 'c.test'), srv(10, 1, 7_002, 'b.test'), srv(10, 5, 7_001, 'a.test')],
  });

  const seeds = dnsSeeds('_troupe._tcp.test', { servers: [server.address] });

  t.deepEqual(await seeds(), ['a.test:7001', 'b.test:7002', 'c.test:7003']);
});

test('a name without records is an error, since a cluster cannot be without nodes', async (t) => {
  await using server = await NameServer.start({});
  const servers = [server.address];

  await t.throwsAsync(dnsSeeds('nodes.test', { port: 1, servers })());
  await t.throwsAsync(dnsSeeds('nodes.test', { servers })());
});

test('a file is read each time; comments and empty lines do not count', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-'));
  const path = join(folder, 'seeds');
  const seeds = fileSeeds(path);
  await t.throwsAsync(seeds());

  writeFileSync(path, '# nodes\n\n 10.0.0.1:7000 \r\n10.0.0.2:7000');
  t.deepEqual(await seeds(), ['10.0.0.1:7000', '10.0.0.2:7000']);
  writeFileSync(path, '10.0.0.3:7000\n');
  t.deepEqual(await seeds(), ['10.0.0.3:7000']);

  rmSync(folder, { recursive: true });
});
