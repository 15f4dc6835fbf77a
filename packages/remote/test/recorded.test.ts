import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { CborCodec } from '@troupe/remote';
import * as type from '../dist/frames.js';
import { ticketPort } from './fake-port.js';
import { recordedFrames } from './recorded.js';
import { WIRE_FRAMES } from './wire-frames.js';

const codec = new CborCodec();
const recorded = recordedFrames();

for (const [name, hex] of recorded) {
  test(`bytes that a release has sent are read as they were meant: ${name}`, (t) => {
    t.deepEqual(codec.decodeSequence(Buffer.from(hex, 'hex'), ticketPort), [WIRE_FRAMES[name]]);
  });
}

test('every frame in the table is recorded, so the command that records has nothing to do', async (t) => {
  const missing = Object.keys(WIRE_FRAMES).filter((name) => !recorded.has(name));
  t.deepEqual(missing, [], 'record them: npm run record-wire -w @troupe/remote');

  const command = fileURLToPath(new URL('./record-wire.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [command]);

  t.is(stdout, '');
});

test('any element of a frame can be put into another as it is', (t) => {
  for (const [name, hex] of recorded) {
    const frame = Buffer.from(hex, 'hex');
    const elements = WIRE_FRAMES[name] ?? [];
    const moved = elements.map((_, index) => codec.elementOf(frame, index));

    const bytes = codec.encode([type.RESULT, ...moved], ticketPort);

    t.deepEqual(codec.decodeSequence(bytes, ticketPort), [[type.RESULT, ...elements]], name);
  }
});

test('every type of frame is in the table', (t) => {
  const inTable = new Set(Object.values(WIRE_FRAMES).map(([first]) => first));
  const types = Object.entries(type).filter(([, value]) => typeof value === 'number');

  t.deepEqual(
    types.filter(([, value]) => !inTable.has(value)).map(([name]) => name),
    [],
  );
});
