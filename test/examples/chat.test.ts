import { createServer } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import { isRunning, Child } from './child.ts';
import { roomOn, startChat } from './chat.ts';

test('Ctrl-C stops all three processes, and nothing is left', async (t) => {
  const { launcher, nodes } = await startChat(18_201);
  const pids = [...nodes.values()].map(({ pid }) => pid);
  t.is(pids.length, 3);

  launcher.process.kill('SIGINT');

  t.is(await launcher.ends(), 0);
  t.deepEqual(pids.filter(isRunning), []);
  t.regex(launcher.output, /all stopped\./);
});

test('no process outlives a launcher that is killed', async (t) => {
  const { launcher, nodes } = await startChat(18_221);
  const pids = [...nodes.values()].map(({ pid }) => pid);

  launcher.process.kill('SIGKILL');

  await launcher.ends(); // The nodes hold its output open, so this is their end too.
  t.deepEqual(pids.filter(isRunning), []);
});

test('default ports that are taken are replaced by free ones', async (t) => {
  const squatter = createServer();
  squatter.listen(18_242, '127.0.0.1');
  await once(squatter, 'listening');

  await using chat = await startChat(18_241);

  const ports = [...chat.nodes.values()].map(({ url }) => Number(new URL(url).port));
  t.is(new Set(ports).size, 3);
  t.false(ports.includes(18_242));
  squatter.close();
});

test('terminals on different nodes share a room, and are told when its node goes', async (t) => {
  await using chat = await startChat(18_261);
  const room = roomOn('c');
  const at = (node: string): string => chat.nodes.get(node)?.address ?? '';
  await using ann = terminal('ann', room, at('a'));
  await ann.prints(/on node c, with ann/);
  await using bob = terminal('bob', room, at('b'));
  await bob.prints(/on node c, with ann, bob/);

  ann.types('hello bob');
  await bob.prints(/ann: hello bob/);
  bob.types('hello ann');
  await ann.prints(/bob: hello ann/);
  process.kill(chat.nodes.get('c')?.pid ?? 0, 'SIGKILL');
  await ann.prints(/now lives on node [ab]/);
  await bob.prints(/now lives on node [ab]/);
  ann.types('still there?');
  await bob.prints(/ann: still there\?/);

  ann.types('/quit');
  t.is(await ann.ends(), 0);
  await bob.prints(/ann left/);
});

test('a terminal that finds no node says what to do, and ends', async (t) => {
  await using lost = terminal('ann', 'lobby', '127.0.0.1:1');

  t.is(await lost.ends(), 1);
  t.regex(lost.output, /No node of the chat answers at 127\.0\.0\.1:1\. Is it running\?/);
});

for (const [args, complaint] of [
  [['--nodes', '0'], /--nodes must be a whole number from 1 to 9, not '0'/],
  [['--port', 'x'], /--port must be a whole number/],
  [['--colour'], /--colour/],
] as const) {
  test(`npm start -- ${args.join(' ')} is refused with the usage`, async (t) => {
    await using launcher = new Child('examples/chat/start.mjs', args);

    t.is(await launcher.ends(), 1);
    t.regex(launcher.output, complaint);
    t.regex(launcher.output, /npm start -- \[options\]/);
  });
}

function terminal(nick: string, room: string, node: string): Child {
  const args = ['--nick', nick, '--room', room, '--node', node];
  return new Child('examples/chat/terminal.mjs', args);
}
