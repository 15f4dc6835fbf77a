import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  MemoryNetwork,
  networkTransport,
  tcpTransport,
  ThreadHub,
  tlsTransport,
  type Transport,
  unixTransport,
  webSocketTransport,
  workerTransport,
} from '@troupe/remote';
import { transportCases, type TransportUnderTest } from '@troupe/remote/conformance';
import { authority } from './certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-'));
test.after.always(() => rmSync(folder, { recursive: true }));
let sockets = 0;
const credentials = authority().then((ca) => ca.issue());

function local(transport: Transport): TransportUnderTest {
  return { listening: transport, dialling: transport, freshAddress: () => '127.0.0.1:0' };
}

function socket(transport: Transport): TransportUnderTest {
  const freshAddress = (): string => `unix:${folder}/${(sockets += 1)}`;
  return { listening: transport, dialling: transport, freshAddress };
}

function webSocket(transport: Transport): TransportUnderTest {
  const freshAddress = (): string => 'ws://127.0.0.1:0/nodes';
  return { listening: transport, dialling: transport, freshAddress };
}

/** A thread that listens and another that dials, as far as their transports can tell. */
function threads(addressOf: (turn: number) => string): TransportUnderTest {
  const hub = new ThreadHub();
  const listening = workerTransport(hub.admit('listener'), networkTransport());
  const dialling = workerTransport(hub.admit('dialler'), networkTransport());
  return { listening, dialling, freshAddress: () => addressOf((sockets += 1)) };
}

/** Each transport, and a fresh network to try it on. */
const transports: Readonly<Record<string, () => TransportUnderTest>> = {
  tcp: () => local(tcpTransport()),
  tls: () => local(tlsTransport(() => credentials)),
  unix: () => socket(unixTransport()),
  'network, by a port': () => local(networkTransport()),
  'network, by a path': () => socket(networkTransport()),
  websocket: () => webSocket(webSocketTransport()),
  'network, by a URL': () => webSocket(networkTransport()),
  threads: () => threads((turn) => `thread:/${turn}`),
  'threads, by a port': () => threads(() => '127.0.0.1:0'),
  memory() {
    const network = new MemoryNetwork();
    const [listening, dialling] = [network.transport('a'), network.transport('b')];
    return { listening, dialling, freshAddress: () => 'a:0' };
  },
};

for (const [name, make] of Object.entries(transports)) {
  for (const { name: claim, run } of transportCases) {
    test(`${name}: ${claim}`, async (t) => {
      await t.notThrowsAsync(run(make));
    });
  }
}
