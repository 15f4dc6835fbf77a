// npm run fuzz -w @troupe/remote -- --seconds 60 --seed 1
import { parseArgs } from 'node:util';
import { CborCodec } from '../dist/index.js';
import { Fuzzer } from './fuzzer.ts';

/** Nothing as small as these inputs may take longer, nor leave more behind. */
const PROCESSOR_MS_MAX = 100;
const HEAP_GROWTH_BYTES_MAX = 64 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const seed = Number(values.seed);
const endsAt = Date.now() + Number(values.seconds) * 1_000;
const fuzzer = new Fuzzer(new CborCodec(), seed);
const heapBytesBefore = process.memoryUsage().heapUsed;
let inputs = 0;
let slowestMs = 0;
let heapGrowthBytes = 0;

process.stdout.write(`fuzzing for ${values.seconds} s with --seed ${seed}\n`);
while (Date.now() < endsAt) {
  const input = fuzzer.input();
  const before = process.cpuUsage();
  try {
    fuzzer.feed(input);
  } catch (error) {
    fail(`input ${inputs}: ${String(error)}\n${Buffer.from(input).toString('hex')}`);
  }
  const { user, system } = process.cpuUsage(before);
  slowestMs = Math.max(slowestMs, (user + system) / 1_000);
  if (slowestMs > PROCESSOR_MS_MAX) {
    fail(`input ${inputs} took ${slowestMs} ms\n${Buffer.from(input).toString('hex')}`);
  }
  inputs += 1;
  if (inputs % 10_000 === 0) {
    heapGrowthBytes = process.memoryUsage().heapUsed - heapBytesBefore;
    if (heapGrowthBytes > HEAP_GROWTH_BYTES_MAX) fail(`the heap grew by ${heapGrowthBytes} bytes`);
  }
}
process.stdout.write(
  `${inputs} inputs, ${fuzzer.decoded} decoded, ${fuzzer.refused} refused; ` +
    `slowest ${slowestMs.toFixed(1)} ms, heap ${(heapGrowthBytes / 1e6).toFixed(1)} MB larger\n`,
);

function fail(why: string): never {
  process.stderr.write(`${why}\nreplay with --seed ${seed}\n`);
  process.exit(1);
}
