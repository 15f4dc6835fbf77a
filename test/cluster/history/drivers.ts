import type { Env } from '@troupe/actor';
import {
  type Driver,
  EndpointWire,
  Engine,
  EngineThread,
  type Files,
  nodeFiles,
  type LogStore,
  openStore,
  TransportWire,
} from '@troupe/consensus';
import {
  acceptProved,
  dialProved,
  Lines,
  type LinkOptions,
  networkTransport,
  type PeerIdentity,
} from '@troupe/remote';
import { heldFiles } from './held-files.ts';
import type { Begin } from './words.ts';

const LISTEN = '127.0.0.1:0';
const DIAL_TIMEOUT_MS = 2_000;
/** How late a disk is that lies about syncs, as an operating system that writes when it likes. */
const LATE_MS = 400;

/** What runs the groups of a server. */
export interface Running {
  readonly driver: Driver;
  /** Where it is dialled, once a group is open. */
  address(): string;
  /** From now on `node` is dialled there. */
  reach(node: string, address: string): void;
}

/** @throws when what is on its disk is not what it has written */
export function startDriver(begin: Begin, env: Env): Promise<Running> {
  return begin.driver === 'thread' ? onThread(begin, env) : onLoop(begin, env);
}

/** As a node with `consensus: { thread: true }` does it. */
async function onThread({ name, peers, directory: data }: Begin, env: Env): Promise<Running> {
  const self = identityOf(name);
  const thread = await EngineThread.start({ self, env, data, listen: LISTEN });
  for (const [node, address] of Object.entries(peers)) thread.reach(node, address);
  const { driver, address } = thread;
  return { driver, address: () => address, reach: (node, at) => thread.reach(node, at) };
}

async function onLoop(begin: Begin, env: Env): Promise<Running> {
  const { name, hasThreads } = begin;
  const peers = new Map(Object.entries(begin.peers));
  const addressOf = (node: string): string | undefined => peers.get(node);
  const store = await storeOf(begin, env);
  const reach = (node: string, address: string): void => void peers.set(node, address);
  if (!hasThreads) {
    const wire = new TransportWire({ listen: LISTEN, addressOf, env });
    const driver = new Engine({ node: name, store, wire, env });
    return { driver, address: () => wire.address, reach };
  }
  const { lines, address } = await openDoor(name, env);
  const wire = new EndpointWire({ lines, addressOf, env });
  return { driver: new Engine({ node: name, store, wire, env }), address: () => address, reach };
}

/** The door of a node: who is on a thread dials lines, and lets in nothing else. */
async function openDoor(
  name: string,
  env: Env,
): Promise<{ readonly lines: Lines; readonly address: string }> {
  const transport = networkTransport({});
  const terms = { env, self: identityOf(name), purpose: 'line' } as const;
  const dialling = { ...terms, transport, timeoutMs: DIAL_TIMEOUT_MS };
  const lines = new Lines((address, make) => dialProved({ ...dialling, address }, make));
  const { address } = await transport.listen(LISTEN, (connection) => {
    const admit: LinkOptions['admit'] = (peer) => lines.admit(peer, connection.caller);
    const serving = acceptProved(connection, { ...terms, admit }, (line, { peer }) =>
      lines.serve(line, peer),
    );
    serving.catch(() => {}); // A stranger, or one that was cut off: it is gone already.
  });
  return { lines, address };
}

function identityOf(name: string): PeerIdentity {
  return { name, incarnation: `${Date.now().toString(36)}-${process.pid}`, address: LISTEN };
}

async function storeOf(begin: Begin, env: Env): Promise<LogStore> {
  const { name: node, segmentBytes, hadLeft } = begin;
  const options = { cluster: 'history', node, env, segmentBytes, reserveBytes: 0 };
  const opened = await openStore(await filesOf(begin), options);
  switch (opened.verdict) {
    case 'clean':
      return opened.store;
    case 'cut': {
      const { file, offset } = opened.cut;
      if (!hadLeft) return opened.store;
      throw new Error(`stopped in good order, its log was cut off in ${file} at ${offset}`);
    }
    case 'salvaged':
    case 'corrupt': {
      const { file, offset, reason } = opened.damage;
      throw new Error(`its log is damaged: ${reason}, in ${file} at ${offset}`);
    }
  }
}

async function filesOf({ directory, power, mistake }: Begin): Promise<Files> {
  const files = await nodeFiles(directory);
  if (mistake === 'no-sync') return heldFiles(files, { lateMs: LATE_MS });
  return power ? heldFiles(files) : files;
}
