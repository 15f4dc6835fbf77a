import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { channel, processEnv } from '@troupe/actor';
import { type Carrier, cases } from '@troupe/actor/conformance';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const env = processEnv();

const local: Carrier = {
  make: <T>(capacity?: number) => channel<T>(capacity),
  settled: () => new Promise((resolve) => env.afterIo(() => env.afterIo(resolve))),
  collectGarbage,
};

for (const { name, run } of cases) {
  test.serial(name, async (t) => {
    await t.notThrowsAsync(run(local));
  });
}
