import test from 'ava';
import { type LogLine, virtualEnv } from '@troupe/actor/testing';
import { MemoryNetwork } from '@troupe/remote';
import { NodeDoor } from '../../dist/thread/node-door.js';

const SECRET = 'a secret of these tests';

/** What the door of `b`, behind which nobody takes lines yet, says of one that `a` dials. */
async function refusedBy(secretOfA: string): Promise<readonly LogLine[]> {
  const env = virtualEnv();
  const network = new MemoryNetwork();
  const door = (name: string, secret: string): NodeDoor => {
    const self = { name, incarnation: '1', address: `${name}:1` };
    return new NodeDoor({ env, self, secret, transport: network.transport(name) });
  };
  const [a, b] = [door('a', secretOfA), door('b', SECRET)];
  await b.open('b:1');
  const dialled = a.lines
    .dial('b:1', () => ({ receive() {}, ended() {} }))
    .catch((error: unknown) => error);
  await env.advance(100);
  await dialled;
  return env.logged;
}

test('a door says nothing of who comes while its node starts or stops', async (t) => {
  t.deepEqual(await refusedBy(SECRET), []);
});

test('a door says who comes without the secret', async (t) => {
  t.like(await refusedBy('another secret than that'), [
    { level: 'warn', message: 'a line of consensus was refused' },
  ]);
});
