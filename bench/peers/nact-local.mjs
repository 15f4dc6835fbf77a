// The benchmarks of one process in nact. https://nact.xyz
import { dispatch, query, spawn, start, stop } from 'nact';
import { main, once, repeat, weigh } from '../dist/programs/measure.js';

const BURST = 1_000;
const IN_FLIGHT = 128;
const TIMEOUT_MS = 10_000;

const system = start();
const ADD = 'add';

function counter(sum = 0, message, { sender }) {
  if (message.type === ADD) return sum + message.value;
  dispatch(sender, sum);
  return 0;
}

function echo(_, message, { sender }) {
  dispatch(sender, message.value);
}

async function tells(to, operations) {
  let sum = 0;
  for (let sent = 0; sent < operations;) {
    const end = Math.min(sent + BURST, operations);
    for (; sent < end; sent += 1) dispatch(to, { type: ADD, value: sent });
    sum += await query(to, { type: 'take' }, TIMEOUT_MS);
  }
  return sum;
}

async function asks(to, operations, { first, step }) {
  let sum = 0;
  for (let value = first; value < operations; value += step) {
    sum += await query(to, { value }, TIMEOUT_MS);
  }
  return sum;
}

const seen = { sum: 0, actors: 0, all: 0, onAll: () => undefined };

function idle(value) {
  seen.sum += value;
  seen.actors += 1;
  if (seen.actors === seen.all) seen.onAll();
  return value;
}

/** Names are given, since those that nact draws at random meet in a hundred thousand. */
function spawnIdle(operations) {
  const actors = new Array(operations);
  for (let value = 0; value < operations; value += 1) {
    const initialStateFunc = () => {
      seen.sum += value;
      return value;
    };
    actors[value] = spawn(system, idle, String(value), { initialStateFunc });
  }
  return actors;
}

await main({
  tell(program) {
    const to = spawn(system, counter);
    return repeat(program, { batch: () => tells(to, program.operations) });
  },
  'ask-sequential'(program) {
    const to = spawn(system, echo);
    return repeat(program, { batch: () => asks(to, program.operations, { first: 0, step: 1 }) });
  },
  'ask-128'(program) {
    const to = spawn(system, echo);
    return repeat(program, {
      async batch() {
        const sums = Array.from({ length: IN_FLIGHT }, (_, first) =>
          asks(to, program.operations, { first, step: IN_FLIGHT }),
        );
        return (await Promise.all(sums)).reduce((sum, each) => sum + each, 0);
      },
    });
  },
  spawn(program) {
    let actors = [];
    return repeat(program, {
      batch() {
        seen.sum = 0;
        actors = spawnIdle(program.operations);
        return seen.sum;
      },
      between() {
        for (const each of actors) stop(each);
      },
    });
  },
  memory(program) {
    let actors = [];
    return weigh(program, {
      batch() {
        actors = spawnIdle(program.operations);
        return seen.sum;
      },
      between: () => void actors.length,
    });
  },
  million(program) {
    return once(program, {
      async batch() {
        const actors = spawnIdle(program.operations);
        seen.sum = 0;
        seen.all = program.operations;
        const all = new Promise((resolve) => (seen.onAll = resolve));
        for (const each of actors) dispatch(each, 'hit');
        await all;
        return seen.sum;
      },
    });
  },
});
