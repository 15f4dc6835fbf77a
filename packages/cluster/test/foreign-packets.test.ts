import test from 'ava';
import { ForeignPackets } from '../dist/foreign-packets.js';

test('of an address is told at once, and then once a minute how many there were', (t) => {
  const told: [address: string, packets: number][] = [];
  const foreign = new ForeignPackets((...each) => told.push(each));

  for (let nowMs = 0; nowMs <= 120_000; nowMs += 1_000) foreign.note(nowMs, 'b:1');

  t.deepEqual(told, [
    ['b:1', 1],
    ['b:1', 60],
    ['b:1', 60],
  ]);
});

test('of more than 32 addresses a minute nothing is kept and nothing told', (t) => {
  const told: string[] = [];
  const foreign = new ForeignPackets((address) => told.push(address));

  for (let i = 0; i < 10_000; i += 1) foreign.note(0, `${i}:1`);
  const first = told.length;
  for (let i = 0; i < 10_000; i += 1) foreign.note(60_000, `again ${i}:1`);

  t.is(first, 32);
  t.is(told.length, 64);
  t.is(told.at(-1), 'again 31:1');
});
