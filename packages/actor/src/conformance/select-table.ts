import assert from 'node:assert/strict';
import { type Receiver, type Sender } from '../channel.ts';
import { select, type SelectCase, selectNow, sending } from '../select.ts';
import { type Carrier, type ChannelCase, type ChannelEnds } from './case.ts';

/**
 * Every path through a recipe that makes choices: each run makes the last choice that has an
 * alternative left differently from the run before.
 */
class Paths {
  readonly #choices: { taken: number; readonly of: number }[] = [];
  #made = 0;
  count = 0;

  /** @returns 0 … of - 1 */
  choose(of: number): number {
    if (this.#made === this.#choices.length) this.#choices.push({ taken: 0, of });
    const taken = this.#choices[this.#made]?.taken ?? 0;
    this.#made += 1;
    return taken;
  }

  maybe(): boolean {
    return this.choose(2) === 0;
  }

  /** @returns false when all paths have been taken */
  next(): boolean {
    this.#made = 0;
    this.count += 1;
    if (this.count === 1) return true;
    for (let last = this.#choices.at(-1); last !== undefined; last = this.#choices.at(-1)) {
      last.taken += 1;
      if (last.taken < last.of) return true;
      this.#choices.pop();
    }
    return false;
  }
}

/** The operands of one statement, each of which says when it is evaluated. */
class Operands {
  readonly c: ChannelEnds<number>;
  readonly dummy: ChannelEnds<number>;
  #order = 0;

  constructor(c: ChannelEnds<number>, dummy: ChannelEnds<number>) {
    this.c = c;
    this.dummy = dummy;
  }

  /** Evaluates an operand; its place in the statement must be behind all before it. */
  at<T>(place: number, operand: T): T {
    assert.ok(place > this.#order, `operand ${place} was evaluated after ${this.#order}`);
    this.#order = place;
    return operand;
  }

  send(place: number, to: Sender<number>, value: number): SelectCase {
    return sending(this.at(place, to), this.at(place + 1, value));
  }

  receive(place: number, from: Receiver<number>): SelectCase {
    return this.at(place, from);
  }

  /** A nil channel's operands are evaluated, then its case is disabled. */
  nil(place: number): SelectCase {
    return this.at(place, false as const);
  }

  /** Some of the cases that never go on. */
  idle(paths: Paths, place: number): Record<string, SelectCase> {
    const cases: Record<string, SelectCase> = {};
    if (paths.maybe()) cases['dummy send'] = this.send(place, this.dummy.sender, 1);
    if (paths.maybe()) cases['dummy receive'] = this.receive(place + 2, this.dummy.receiver);
    if (paths.maybe()) cases['nil send'] = this.nil(place + 3);
    if (paths.maybe()) cases['nil receive'] = this.nil(place + 4);
    return cases;
  }
}

/** The real case may stand before or behind the idle ones, and there may be a default. */
async function chosen(paths: Paths, operands: Operands, real: () => SelectCase) {
  const isFirst = paths.maybe();
  const first = isFirst ? { real: real() } : {};
  const idle = operands.idle(paths, isFirst ? 10 : 1);
  const cases = { ...first, ...idle, ...(isFirst ? {} : { real: real() }) };
  const r = paths.maybe() ? selectNow(cases) : await select(cases);
  assert.equal(r?.case, 'real');
  return r;
}

type Recipe = (paths: Paths, operands: Operands, n: number) => Promise<void>;

/** Sends n, and receives it one way or another. */
const receiveEveryWay: Recipe = async (paths, operands, n) => {
  const { sender, receiver } = operands.c;
  await sender.send(n);
  switch (paths.choose(4)) {
    case 0:
      assert.equal(await operands.at(1, receiver).receive(), n);
      return;
    case 1:
      assert.deepEqual(await operands.at(1, receiver).next(), { ok: true, value: n });
      return;
    case 2:
      for await (const value of operands.at(1, receiver)) {
        assert.equal(value, n);
        return;
      }
      return;
    default: {
      const r = await chosen(paths, operands, () => operands.receive(9, receiver));
      assert.deepEqual(r, { case: 'real', ok: true, value: n });
    }
  }
};

/** Sends n one way or another, and receives it. */
const sendEveryWay: Recipe = async (paths, operands, n) => {
  const { sender, receiver } = operands.c;
  switch (paths.choose(3)) {
    case 0:
      await operands.at(1, sender).send(operands.at(2, n));
      break;
    case 1:
      assert.equal(operands.at(1, sender).trySend(operands.at(2, n)), 'sent');
      break;
    default:
      await chosen(paths, operands, () => operands.send(8, sender, n));
  }
  assert.equal(await receiver.receive(), n);
};

/** Tries what cannot go on. */
const tryInVain: Recipe = async (paths, operands) => {
  assert.equal(selectNow(operands.idle(paths, 1)), undefined);
};

/** Four cases that may be there or not; a path is no more than one answer to each question. */
const PATHS_MIN = 2 ** 4;

function table(title: string, recipe: Recipe): ChannelCase {
  return {
    name: `select5.go: ${title}`,
    needs: ['instant'],
    async run(carrier: Carrier) {
      const paths = new Paths();
      // Buffered, so that no goroutine is needed: this is about the right operations alone.
      const c = await carrier.make<number>(1);
      const dummy = await carrier.make<number>();
      while (paths.next()) await recipe(paths, new Operands(c, dummy), paths.count);
      assert.ok(paths.count > PATHS_MIN, `only ${paths.count} paths`);
    },
  };
}

export const selectTable: readonly ChannelCase[] = [
  table('a receive in every wording gets what was sent, operands in order', receiveEveryWay),
  table('a send in every wording delivers what it was given, operands in order', sendEveryWay),
  table('what cannot go on does not, and has no effect', tryInVain),
];
