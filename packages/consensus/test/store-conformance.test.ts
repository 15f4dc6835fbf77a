import test from 'ava';
import { MemoryStore, openStore } from '@troupe/consensus';
import { storeCases } from '@troupe/consensus/store-conformance';
import { freshFiles, small } from './places.ts';

for (const { name, run } of storeCases) {
  test(`on a disk: ${name}`, async (t) => {
    await run(async () => {
      const files = await freshFiles(t);
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

  test(`in memory: ${name}`, async (t) => {
    await run(() => {
      const store = new MemoryStore();
      return Promise.resolve({ open: () => Promise.resolve(store) });
    });

    t.pass();
  });
}
