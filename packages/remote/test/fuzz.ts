// npm run fuzz -w @troupe/remote: bends bytes; see --help.
import { CborCodec } from '@troupe/remote';
import { numbersOf } from './command.js';
import { Fuzzer } from './fuzzer.js';
import { fuzzOutsider } from './outsider-fuzzer.js';
import { fuzzSession } from './session-fuzzer.js';

/** Frames that a decoder is fed in one round, before two nodes talk, and a node and a client. */
const INPUTS = 1_000;
/** Nothing as small as these inputs may take longer, nor leave more behind. */
const INPUT_PROCESSOR_MS_MAX = 100;
const SESSION_PROCESSOR_MS_MAX = 5_000;
const HEAP_GROWTH_BYTES_MAX = 64 * 1024 * 1024;

const HELP = `npm run fuzz -w @troupe/remote -- [options]

Bends frames for the decoder, and what two nodes say to each other, handshakes included.

  --minutes N   how long              (default 1; fractions are allowed)
  --seed N      of the first round    (default: another one each time)
  --help

A round that fails prints its seed, and the exit code is 1; 2 when the options are wrong.
`;

const { minutes, seed: first } = numbersOf(HELP, { minutes: 1, seed: Date.now() % 1_000_000 });
const endsAt = Date.now() + minutes * 60_000;
const codec = new CborCodec();
const heapBytesBefore = process.memoryUsage().heapUsed;
const sums = { rounds: 0, decoded: 0, refused: 0, bends: 0, broken: 0 };
let seed = first;
let slowestMs = 0;

process.once('uncaughtException', fail);
process.stdout.write(`fuzzing for ${minutes} min from --seed ${seed}\n`);
// Its seed alone decides a round, so that the one that fails is the first of its replay.
for (; sums.rounds === 0 || Date.now() < endsAt; seed += 1) {
  try {
    await round();
  } catch (error) {
    fail(error);
  }
}
const heapGrowthMb = (process.memoryUsage().heapUsed - heapBytesBefore) / 1e6;
process.stdout.write(
  `${sums.rounds} rounds: ${sums.decoded} inputs decoded, ${sums.refused} refused; ` +
    `${sums.bends} writes of nodes and clients bent, ${sums.broken} sessions ended by them; ` +
    `slowest input ${slowestMs.toFixed(1)} ms, heap ${heapGrowthMb.toFixed(1)} MB larger\n`,
);

async function round(): Promise<void> {
  const fuzzer = new Fuzzer(codec, seed);
  for (let i = 0; i < INPUTS; i += 1) {
    const ms = await processorMs(() => fuzzer.step());
    slowestMs = Math.max(slowestMs, ms);
    if (ms > INPUT_PROCESSOR_MS_MAX) throw new Error(`input ${i} took ${ms} ms`);
  }
  const ms = await processorMs(async () => {
    for (const talk of [fuzzSession, fuzzOutsider]) {
      const { bends, broken } = await talk(seed);
      sums.bends += bends;
      sums.broken += broken;
    }
  });
  if (ms > SESSION_PROCESSOR_MS_MAX) throw new Error(`the session took ${ms} ms`);
  sums.rounds += 1;
  sums.decoded += fuzzer.decoded;
  sums.refused += fuzzer.refused;
  const growth = process.memoryUsage().heapUsed - heapBytesBefore;
  if (growth > HEAP_GROWTH_BYTES_MAX) throw new Error(`the heap grew by ${growth} bytes`);
}

async function processorMs(run: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function fail(error: unknown): never {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const cause =
    error instanceof Error && error.cause !== undefined ? `\n${String(error.cause)}` : '';
  process.stderr.write(`${text}${cause}\nreplay with --seed ${seed}\n`);
  process.exit(1);
}
