// npm run record-wire -w @troupe/remote: adds frames to the record; see --help.
import { appendFileSync } from 'node:fs';
import { CborCodec } from '../dist/index.js';
import { PROTOCOL_MAX } from '../dist/handshake.js';
import { numbersOf } from './command.js';
import { ticketPort } from './fake-port.js';
import { fileOf, lineOf, recordedFrames } from './recorded.js';
import { WIRE_FRAMES } from './wire-frames.js';

const HELP = `npm run record-wire -w @troupe/remote

Adds the bytes of frames that are not recorded yet. What is there stays as some release has sent it.
`;

numbersOf(HELP, {});
const known = recordedFrames();
const codec = new CborCodec();
for (const [name, frame] of Object.entries(WIRE_FRAMES)) {
  if (known.has(name)) continue;
  appendFileSync(fileOf(PROTOCOL_MAX), lineOf(name, codec.encode(frame, ticketPort)));
  process.stdout.write(`recorded: ${name}\n`);
}
