import test from 'ava';
import type { Connection } from '@troupe/remote';
import { HandshakeRefused } from '@troupe/remote';
import type { Proved } from '../dist/link.js';
import { type TestNode, testNodes } from './nodes.js';

/** Takes lines, and writes down what comes on them, and from whom. */
function listening({ endpoint }: TestNode): string[] {
  const told: string[] = [];
  endpoint.lines.onLine((_connection, { name }) => ({
    receive: (chunk) => void told.push(`${name} says ${Buffer.from(chunk).toString()}`),
    ended: () => void told.push(`${name} has ended`),
  }));
  return told;
}

/** Dials `b`, and keeps the line. */
async function lineTo({ endpoint }: TestNode, address: string): Promise<Connection> {
  let dialled: Connection | undefined;
  await endpoint.lines.dial(address, (connection): Proved => {
    dialled = connection;
    return { receive: () => {}, ended: () => {} };
  });
  if (dialled === undefined) throw new Error('no line was made');
  return dialled;
}

test('a line goes to the address of the node, and who speaks on it has proved who it is', async (t) => {
  const { env, node } = testNodes();
  const a = await node('a', { secret: 'a secret of tests' });
  const b = await node('b', { secret: 'a secret of tests' });
  const told = listening(b);

  const line = await lineTo(a, 'b:1');
  line.write(Buffer.from('hello'));
  await env.advance(10);
  line.close();
  await env.advance(10);

  t.deepEqual(told, ['a says hello', 'a has ended']);
  t.deepEqual([...a.endpoint.peers], []); // No session was needed for it.
});

test('a line is refused where the secret is another, and where nobody takes lines', async (t) => {
  const { node } = testNodes();
  const stranger = await node('x', { secret: 'a stranger guesses' });
  const a = await node('a', { secret: 'a secret of tests' });
  const b = await node('b', { secret: 'a secret of tests' });

  const early = await t.throwsAsync(lineTo(a, 'b:1'), { instanceOf: HandshakeRefused });
  const told = listening(b);
  const unproved = await t.throwsAsync(lineTo(stranger, 'b:1'), { instanceOf: HandshakeRefused });
  b.endpoint.lines.onLine(undefined);
  const late = await t.throwsAsync(lineTo(a, 'b:1'), { instanceOf: HandshakeRefused });

  t.deepEqual([early.reason, unproved.reason, late.reason], ['unwanted', 'secret', 'unwanted']);
  t.deepEqual(told, []);
});

test('an outsider gets no line', async (t) => {
  const { node } = testNodes();
  const outsider = await node('x', { caller: { kind: 'outsider', name: 'x' } });
  const b = await node('b');
  listening(b);

  const error = await t.throwsAsync(lineTo(outsider, 'b:1'), { instanceOf: HandshakeRefused });

  t.is(error.reason, 'secret');
});

test('one node gets eight lines, and another when one of them has ended', async (t) => {
  const { env, node } = testNodes();
  const a = await node('a');
  const b = await node('b');
  listening(b);
  const lines = [];
  for (let i = 0; i < 8; i += 1) lines.push(await lineTo(a, 'b:1'));

  const ninth = await t.throwsAsync(lineTo(a, 'b:1'), { instanceOf: HandshakeRefused });
  lines[3]?.close();
  await env.advance(10);

  t.is(ninth.reason, 'busy');
  await t.notThrowsAsync(lineTo(a, 'b:1'));
});

test('lines end with the node at either end', async (t) => {
  const { env, node } = testNodes();
  const [a, b, c] = [await node('a'), await node('b'), await node('c')];
  const told = { b: listening(b), c: listening(c) };
  await lineTo(a, 'b:1');
  await lineTo(b, 'c:1');

  await b.endpoint.close();
  await env.advance(10);

  t.deepEqual(told, { b: ['a has ended'], c: ['b has ended'] });
});
