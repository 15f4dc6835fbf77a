// npm run record-wire -w @troupe/remote: adds frames to the record; see --help.
import { appendFileSync } from 'node:fs';
import { CborCodec } from '../dist/index.js';
import { numbersOf } from './command.js';
import { recordedPort } from './fake-port.js';
import { EXCHANGES, fileOf, lineOf, OUTSIDERS, recordedFrames, SESSIONS } from './recorded.js';

const HELP = `npm run record-wire -w @troupe/remote

Adds the bytes of frames that are not recorded yet. What is there stays as some release has sent it.
`;

numbersOf(HELP, {});
const codec = new CborCodec();
for (const protocol of [SESSIONS, OUTSIDERS, EXCHANGES]) {
  const known = recordedFrames(protocol);
  for (const [name, frame] of Object.entries(protocol.frames)) {
    if (known.has(name)) continue;
    const line = lineOf(name, codec.encode(frame, recordedPort));
    appendFileSync(fileOf(protocol, protocol.version), line);
    process.stdout.write(`recorded: ${protocol.name}, ${name}\n`);
  }
}
