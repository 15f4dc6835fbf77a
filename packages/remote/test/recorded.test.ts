import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import {
  Actor,
  actor,
  ActorSystem,
  addressOf,
  type AnyRef,
  Overloaded,
  RemoteError,
  rpc,
} from '@troupe/actor';
import { type Cell, OUTSIDE, recipientOf } from '@troupe/actor/internal';
import { virtualEnv } from '@troupe/actor/testing';
import { CborCodec, type Codec, MemoryNetwork } from '@troupe/remote';
import * as type from '../dist/frames.js';
import { Leftovers } from '../dist/leaving-ends.js';
import { recordedPort } from './fake-port.js';
import { testNodes } from './nodes.js';
import { OutsiderSession } from '../dist/outsider-session.js';
import { Values } from '../dist/values.js';
import { fieldsOf, ReadFields } from './read-fields.js';
import { EXCHANGES, OUTSIDERS, type Recorded, recordedFrames, SESSIONS } from './recorded.js';

const codec = new CborCodec();

for (const protocol of [SESSIONS, OUTSIDERS, EXCHANGES]) {
  const recorded = recordedFrames(protocol);
  for (const [name, hex] of recorded) {
    const title = 'bytes that a release has sent are read as they were meant';
    test(`${title}: ${protocol.name}, ${name}`, (t) => {
      t.deepEqual(codec.decodeSequence(Buffer.from(hex, 'hex'), recordedPort), [
        protocol.frames[name],
      ]);
    });
  }

  test(`every frame in the table is recorded: ${protocol.name}`, (t) => {
    const missing = Object.keys(protocol.frames).filter((name) => !recorded.has(name));

    t.deepEqual(missing, [], 'record them: npm run record-wire -w @troupe/remote');
  });

  test(`every type of frame is in the table: ${protocol.name}`, (t) => {
    const inTable = new Set(Object.values(protocol.frames).map(([first]) => first));
    const missing = Object.entries(protocol.types).filter(([, value]) => !inTable.has(value));

    t.deepEqual(missing, []);
    t.is(new Set(Object.values(protocol.types)).size, inTable.size);
  });
}

test('where all is recorded the command that records has nothing to do', async (t) => {
  const command = fileURLToPath(new URL('./record-wire.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [command]);

  t.is(stdout, '');
});

test('any element of a frame can be put into another as it is', (t) => {
  for (const [name, hex] of recordedFrames(SESSIONS)) {
    const frame = Buffer.from(hex, 'hex');
    const elements = SESSIONS.frames[name] ?? [];
    const moved = elements.map((_, index) => codec.elementOf(frame, index));

    const bytes = codec.encode([type.RESULT, ...moved], recordedPort);

    t.deepEqual(codec.decodeSequence(bytes, recordedPort), [[type.RESULT, ...elements]], name);
  }
});

/** Yields a frame of the test's, watched, in the place of the next that has come. */
class Exchanging extends CborCodec {
  readonly #reads: ReadFields;
  next: readonly unknown[] | undefined;
  exchanged = 0;

  constructor(reads: ReadFields) {
    super();
    this.#reads = reads;
  }

  override decodeSequence(...given: Parameters<Codec['decodeSequence']>): unknown[][] {
    const { next } = this;
    if (next === undefined) return super.decodeSequence(...given);
    this.next = undefined;
    this.exchanged += 1;
    return [this.#reads.watched(next)];
  }
}

/** Fields that are read of frames and are in none that is recorded. */
function unrecorded({ frames }: Recorded, reads: ReadFields): readonly string[] {
  const recorded = new Set(Object.values(frames).flatMap(fieldsOf));
  return [...reads.paths].filter((path) => !recorded.has(path));
}

@actor({ kind: 'stuck' })
class Stuck extends Actor {
  @rpc wait(): Promise<never> {
    return new Promise(() => undefined);
  }
}

/** Calls of one node that another one has not answered. */
const CALLS = 16;

test('a node reads no field of a frame that no record has', async (t) => {
  const reads = new ReadFields();
  for (const frame of Object.values(SESSIONS.frames)) {
    const { node, env } = testNodes();
    const theirs = new Exchanging(reads);
    const [a, b] = [await node('a'), await node('b', { codec: theirs })];
    const toB = await a.endpoint.connect(b.endpoint.identity.address);
    const target = b.system.export(recipientOf(b.system.spawn(Stuck)) as Cell);
    for (let i = 0; i < CALLS; i += 1) {
      const call = toB.outgoing.ask({ target, address: 'b' }, 'wait', {
        args: [],
        caller: OUTSIDE,
      });
      call.catch(() => undefined);
    }
    await env.settled();

    theirs.next = frame;
    toB.send(toB.encode([type.CANCEL, 99]), { key: undefined });
    await env.settled();

    t.is(theirs.exchanged, 1);
  }

  t.true(reads.paths.size > 100);
  t.deepEqual(unrecorded(SESSIONS, reads), []);
});

test('a node reads no field of what a client says that no record has', async (t) => {
  const reads = new ReadFields();
  for (const frame of Object.values(OUTSIDERS.frames)) {
    const env = virtualEnv();
    const network = new MemoryNetwork();
    const theirs = new Exchanging(reads);
    const system = new ActorSystem({ name: 'b', env });
    const stuck = system.spawn(Stuck);
    await network.transport('b').listen('b:1', (connection) => {
      void new OutsiderSession(connection, {
        node: 'b',
        env,
        log: env.log,
        edge: [],
        system,
        codec: theirs,
        router: { refer: () => stuck, entityOf: () => undefined },
        authenticate: (token) => ({ name: token }),
        permits: () => true,
        leftovers: new Leftovers(),
        ended() {},
      });
    });
    const connection = await network.transport('a').dial('b:1', { timeoutMs: 1_000 });
    connection.start({ data: () => undefined, closed: () => undefined });
    const say = (said: readonly unknown[]): void =>
      void connection.write(codec.encode(said, recordedPort));
    if (frame[0] !== OUTSIDERS.types['HELLO']) {
      say([OUTSIDERS.types['HELLO'], OUTSIDERS.version, 'ann']);
      await env.settled();
      say([OUTSIDERS.types['CALL'], 1, ['room', 'lobby'], 'wait', [], 10_000]);
      await env.settled();
    }

    theirs.next = frame;
    say([OUTSIDERS.types['PONG']]);
    await env.settled();

    t.is(theirs.exchanged, 1);
  }

  t.true(reads.paths.size > 30);
  t.deepEqual(unrecorded(OUTSIDERS, reads), []);
});

test('what a session gives a meaning of its own is read as it was meant', async (t) => {
  const { node } = testNodes();
  const [a, b] = [await node('a'), await node('b')];
  const fromA = b.endpoint.peerOf(a.endpoint.identity);
  const recorded = recordedFrames(SESSIONS);
  const read = (name: string): unknown => {
    const bytes = Buffer.from(recorded.get(name) ?? '', 'hex');
    return codec.decodeSequence(bytes, new Values(b.endpoint, fromA))[0]?.[2];
  };

  const error = read('an error') as Overloaded & { readonly remoteStack: string };
  const several = read('errors behind an error') as AggregateError;
  const refs = read('references to actors') as readonly AnyRef[];
  const ends = read('ends of channels') as readonly { readonly capacity: number }[];
  const [lent, own, stream, readable, signal, aborted] = read('what is lent') as readonly unknown[];

  t.true(error instanceof Overloaded && error.cause instanceof RemoteError);
  t.is(error.remoteStack, 'Overloaded: …\n    at somewhere');
  t.true(several instanceof AggregateError && several.errors[0] instanceof RangeError);
  t.deepEqual(refs.map(addressOf), ['a/room/#7', 'c/room/#7']);
  t.deepEqual(
    ends.map((end) => ['send' in end, end.capacity]),
    [
      [true, 8],
      [false, 0],
    ],
  );
  t.deepEqual([typeof lent, typeof own], ['function', 'function']);
  t.true(Symbol.asyncIterator in (stream as object) && readable instanceof ReadableStream);
  t.false((signal as AbortSignal).aborted);
  t.is((aborted as AbortSignal).reason, 'enough');
});
