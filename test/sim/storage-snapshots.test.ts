import test from 'ava';
import { Random } from '@troupe/sim';
import { CountedFiles } from './storage/counted-files.ts';
import { Host, open } from './storage/host.ts';
import { append, commands, snapshotAt } from './storage/story.ts';

/** Bytes that are like no others of the same length, by their seed. */
function contentFor(seed: number, length: number): Uint8Array {
  const random = new Random(seed);
  return Uint8Array.from({ length }, () => random.integer(0, 255));
}

test('a snapshot is there as a whole or not at all, wherever it ends', async (t) => {
  const outcomes = { none: 0, part: 0, whole: 0 };
  const content = contentFor(1, 200_000);
  const snapshot = snapshotAt(9, 1, content.length);
  for (let seed = 1; seed <= 100; seed += 1) {
    const host = new Host(seed);
    const answered = await host.run(async (place) => {
      const counted = new CountedFiles(place.files, 1 + (seed % 50));
      let received = 0;
      const receive = async (): Promise<void> => {
        const store = await open({ ...place, files: counted.files });
        await append('g', commands(1, 1, 1)).run(store);
        for (let offset = 0; offset < content.length; offset += 30_000) {
          const data = content.subarray(offset, offset + 30_000);
          await store.storeChunk('g', { snapshot, offset, data });
          received += data.length;
        }
      };
      await Promise.race([receive(), counted.stopped]);
      return received;
    });
    if (seed % 2 === 0) host.disk.cutPower(); // Else only the process has ended.
    await host.run(async (place) => {
      const store = await open(place);
      const { incoming } = (await store.recover('g')) ?? {};
      const from = incoming?.offset ?? 0;
      const id = snapshot.id;
      const early = await store.readSnapshot('g', id, { offset: 0, bytes: content.length });
      t.is(early === undefined, from < content.length, `seed ${seed}`);
      if (answered === content.length) t.is(from, content.length, `seed ${seed}`);
      outcomes[from === 0 ? 'none' : from < content.length ? 'part' : 'whole'] += 1;
      if (from < content.length) {
        await store.storeChunk('g', { snapshot, offset: from, data: content.subarray(from) });
      }
      const whole = await store.readSnapshot('g', id, { offset: 0, bytes: content.length });
      t.true(whole !== undefined && Buffer.from(whole).equals(content), `seed ${seed}`);
      await store.close();
    });
  }
  t.log(JSON.stringify(outcomes));

  t.true(Object.values(outcomes).every((count) => count > 5));
});

test('a snapshot that does not fit is refused, can be tried again, and leaves nothing behind', async (t) => {
  const host = new Host(1);
  await host.run(async (place) => {
    const store = await open(place);
    await append('g', commands(1, 1, 1)).run(store);
    await host.world.sleep(1_000);
    const before = await place.files.list();
    const content = contentFor(2, 100_000);
    const snapshot = snapshotAt(9, 1, content.length);
    host.disk.setQuality({ capacityBytes: 80_000 });

    const error = await t.throwsAsync(store.writeSnapshot('g', 's', [content]));
    t.like(error, { code: 'ERR_DISK_FULL', executed: 'no' });
    t.deepEqual(await place.files.list(), before);

    const [first, second] = [content.subarray(0, 50_000), content.subarray(50_000)];
    await store.storeChunk('g', { snapshot, offset: 0, data: first });
    const rest = { snapshot, offset: 50_000, data: second };
    await t.throwsAsync(store.storeChunk('g', rest), { code: 'ERR_DISK_FULL' });
    host.disk.setQuality({ capacityBytes: Infinity });
    await store.storeChunk('g', rest);
    const read = await store.readSnapshot('g', snapshot.id, { offset: 0, bytes: 100_000 });
    t.deepEqual(read, content);
    await store.close();
  });
});

test('a piece of a snapshot in which a bit has turned over is not given out', async (t) => {
  const host = new Host(1);
  const content = contentFor(3, 150_000);
  await host.run(async (place) => {
    const store = await open(place);
    await store.writeSnapshot('g', 's', [content]);
    t.true(host.disk.flipBit('snapshot-g.s.data', 70_000));

    const read = (offset: number): Promise<Uint8Array | undefined> =>
      store.readSnapshot('g', 's', { offset, bytes: 1_000 });
    t.deepEqual(await read(0), content.slice(0, 1_000));
    t.is(await read(66_000), undefined);
    t.deepEqual(await read(140_000), content.slice(140_000, 141_000));
    await store.close();
  });
});
