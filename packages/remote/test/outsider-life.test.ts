import test from 'ava';
import { WebSocket } from 'ws';
import { Actor, actor, type Env, rpc } from '@troupe/actor';
import { CborCodec, type ValuePort } from '@troupe/remote';
import { env, visit } from './visit.js';

@actor({ kind: 'room' })
class Room extends Actor {
  @rpc length(): number {
    return 0;
  }
}

const PING_MS = 15_000;
const codec = new CborCodec();
const plain: ValuePort = { dehydrate: () => undefined, hydrate: () => undefined };

/** Time in which only the door's looks at its clients come, and when the test says so. */
function looks(): { readonly nodeEnv: Env; next(): void } {
  const waiting: (() => void)[] = [];
  let aheadMs = 0;
  const nodeEnv: Env = {
    ...env,
    now: () => env.now() + aheadMs,
    setTimer(ms, run) {
      if (ms !== PING_MS) return env.setTimer(ms, run);
      waiting.push(run);
      return { cancel() {} };
    },
  };
  const next = (): void => {
    aheadMs += PING_MS;
    for (const run of waiting.splice(0)) run();
  };
  return { nodeEnv, next };
}

test('clients are asked for signs of life, and one that gives none for 45 s is let go', async (t) => {
  const { nodeEnv, next } = looks();
  const { door, client } = await visit(t, Room, { nodeEnv });
  const room = client.entity(Room, 'lobby');
  const silent = new WebSocket(door.address);
  const heard: unknown[] = [];
  silent.on('message', (message) => {
    for (const [type] of codec.decodeSequence(message as Buffer, plain)) heard.push(type);
  });
  const closed = new Promise((resolve) => silent.once('close', resolve));
  const welcome = new Promise((resolve) => silent.once('message', resolve));
  silent.once('open', () => silent.send(codec.encode([0, 1, 'ann'], plain)));
  await welcome;

  for (let i = 0; i < 2; i += 1) {
    next();
    await room.length(); // Its answer to the ping has come before.
  }
  t.is(door.size, 2);
  next();
  await closed;

  t.deepEqual(heard, [1, 7, 7]);
  t.is(await room.length(), 0);
  t.is(door.size, 1);
});
