// The benchmarks of one process in @thi.ng/csp.
import { channel, select } from '@thi.ng/csp';
import { main, repeat } from '../dist/programs/measure.js';

const CAPACITY = 128;

async function pingPong(operations) {
  const ping = channel(1);
  const pong = channel(1);
  void (async () => {
    for await (const value of ping) await pong.write(value);
  })();
  let sum = 0;
  for (let value = 0; value < operations; value += 1) {
    // Not awaited: a write resolves only when it was read, which is what the read below waits for.
    void ping.write(value);
    sum += await pong.read();
  }
  ping.close();
  return sum;
}

async function streamAwaited(operations) {
  const numbers = channel(CAPACITY);
  void (async () => {
    for (let value = 0; value < operations; value += 1) await numbers.write(value);
    numbers.close();
  })();
  let sum = 0;
  for await (const value of numbers) sum += value;
  return sum;
}

async function streamSync(operations) {
  const numbers = channel(CAPACITY);
  void (async () => {
    for (let value = 0; value < operations; value += 1) {
      if (!numbers.offer(value)) await numbers.write(value);
    }
  })();
  let sum = 0;
  for (let count = 0; count < operations; count += 1) {
    sum += numbers.poll() ?? (await numbers.read());
  }
  return sum;
}

async function selectFour(operations) {
  const [a, b, c, d] = [0, 1, 2, 3].map((first) => {
    const numbers = channel(1);
    void (async () => {
      for (let value = first; value < operations; value += 4) await numbers.write(value);
    })();
    return numbers;
  });
  let sum = 0;
  for (let count = 0; count < operations; count += 1) {
    const [value] = await select(a, b, c, d);
    if (value === undefined) count -= 1; // Somebody else had it: ask again.
    else sum += value;
  }
  return sum;
}

await main({
  'channel-ping-pong': (program) => repeat(program, { batch: () => pingPong(program.operations) }),
  'channel-stream-awaited': (program) =>
    repeat(program, { batch: () => streamAwaited(program.operations) }),
  'channel-stream-sync': (program) =>
    repeat(program, { batch: () => streamSync(program.operations) }),
  'select-4': (program) => repeat(program, { batch: () => selectFour(program.operations) }),
});
