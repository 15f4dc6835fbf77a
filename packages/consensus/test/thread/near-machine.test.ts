import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import type { Command, StateMachine } from '@troupe/consensus';
import { Adder } from '@troupe/consensus/conformance';
import { NearMachine } from '../../dist/thread/near-machine.js';
import { packCommands } from '../../dist/thread/packed.js';
import { Results } from '../../dist/thread/results.js';

/** A machine on the main loop, and how many bytes it has said to be done with. */
function near(machine: StateMachine<number> = new Adder()) {
  const done = { bytes: 0 };
  const taken = (bytes: number): void => void (done.bytes += bytes);
  const parts = { at: 1, machine, say: () => {}, taken, failed: () => {} };
  return { near: new NearMachine(parts), done };
}

/** Never comes back from what it is given. */
class Stuck extends Adder {
  override apply(_batch: readonly Command[]): never {
    return new Promise(() => {}) as never; // As a machine may that takes its time.
  }
}

const restore = { kind: 'restore', at: 1, id: 1, version: 1, index: 5 } as const;
const piece = new Uint8Array(100);

test('what comes of a snapshot for a machine that has ended counts as done with', (t) => {
  const { near: machine, done } = near();

  machine.end();
  machine.next(restore);
  machine.restorePiece(1, piece);

  t.is(done.bytes, 100);
});

test('so does what had come when the machine ended before its turn', (t) => {
  const { near: machine, done } = near(new Stuck());
  const commands = packCommands([{ index: 1, epoch: 1, data: new Uint8Array(8) }]);
  machine.next({ kind: 'apply', at: 1, commands });
  machine.next(restore);
  machine.restorePiece(1, piece);

  machine.end();
  machine.restorePiece(1, piece);

  t.is(done.bytes, commands.length + 200);
});

test('results are found by the index of their command, whatever stands between', (t) => {
  const results = new Results<string>();
  const data = new Uint8Array(8);
  const commands = [3, 4, 9].map((index): Command => ({ index, epoch: 1, data }));

  results.add(commands, ['three', 'four', 'nine']);

  t.deepEqual(
    [2, 3, 4, 5, 9, 10].map((index) => results.at(index)?.result),
    [undefined, 'three', 'four', undefined, 'nine', undefined],
  );
});

test('results do not keep the commands that they are of', async (t) => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const results = new Results<number>();
  const add = (index: number): WeakRef<Uint8Array> => {
    const data = new Uint8Array(8);
    results.add([{ index, epoch: 1, data }], [index]);
    return new WeakRef(data);
  };

  const commands = [add(1), add(2)];
  await new Promise((resolve) => setImmediate(resolve)); // What a turn looks at, it keeps.
  collectGarbage();

  t.deepEqual(
    commands.map((ref) => ref.deref()),
    [undefined, undefined],
  );
  t.is(results.at(2)?.result, 2);
});
