import test from 'ava';
import { processEnv } from '@troupe/actor';
import { MemoryStore, openStore } from '@troupe/consensus';
import { storeCases } from '@troupe/consensus/store-conformance';
import { freshFiles, small } from './places.ts';

for (const { name, run } of storeCases) {
  for (const inPlace of [undefined, processEnv()]) {
    test(`on a disk${inPlace ? ', written in place' : ''}: ${name}`, async (t) => {
      await run(async () => {
        const files = await freshFiles(t, inPlace && { inPlace });
        return {
          async open() {
            const opened = await openStore(files, small);
            if (opened.verdict !== 'clean') throw new Error(opened.verdict);
            return opened.store;
          },
        };
      });

      t.pass();
    });
  }

  test(`in memory: ${name}`, async (t) => {
    await run(() => {
      const store = new MemoryStore();
      return Promise.resolve({ open: () => Promise.resolve(store) });
    });

    t.pass();
  });
}
