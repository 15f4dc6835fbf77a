import test from 'ava';
import { type Body, bodyOf, isBodyOf } from './bodies.ts';

const bodies = Array.from({ length: 400 }, (_, i) => bodyOf(i));

function bytesOf(body: Body): number {
  return body === null ? 0 : Buffer.byteLength(body);
}

test('most numbers have no body, and some have long texts and long bytes, within limits', (t) => {
  const long = bodies.filter((body) => bytesOf(body) > 50_000);

  t.true(bodies.filter((body) => body === null).length > 200);
  t.true(long.some((body) => typeof body === 'string' && /[^\0-\x7f]/.test(body)));
  t.true(long.some((body) => typeof body === 'string' && body.includes('\0')));
  t.true(long.some((body) => body instanceof Uint8Array));
  t.true(Math.max(...bodies.map(bytesOf)) < 310_000);
});

test('a number always has the same body, which differs from that of another', (t) => {
  const some = bodies.findIndex((body) => typeof body === 'string');
  const others = bodies.findIndex(
    (body) => body instanceof Uint8Array && body.some((it) => it > 0),
  );

  for (const [i, body] of bodies.entries()) t.true(isBodyOf(i, body));
  t.false(isBodyOf(some, bodies[others] ?? null));
  t.false(isBodyOf(others, bodies[some] ?? null));
  t.false(isBodyOf(others, new Uint8Array(bytesOf(bodies[others] ?? null))));
  t.false(isBodyOf(some, null));
});
