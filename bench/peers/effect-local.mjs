// The benchmarks of one process in effect. An actor is a fiber with a queue as its mailbox.
import { Deferred, Effect, Fiber, Queue } from 'effect';
import { main, repeat, weigh } from '../dist/programs/measure.js';

const BURST = 1_000;
const IN_FLIGHT = 128;
const MAILBOX = 1_024;
const CAPACITY = 128;

const counter = (inbox) =>
  Effect.gen(function* () {
    let sum = 0;
    for (;;) {
      const message = yield* Queue.take(inbox);
      if (message.reply === undefined) {
        sum += message.value;
      } else {
        yield* Deferred.succeed(message.reply, sum);
        sum = 0;
      }
    }
  });

const tells = (inbox, operations) =>
  Effect.gen(function* () {
    let sum = 0;
    for (let sent = 0; sent < operations;) {
      const end = Math.min(sent + BURST, operations);
      for (; sent < end; sent += 1) yield* Queue.offer(inbox, { value: sent, reply: undefined });
      const reply = yield* Deferred.make();
      yield* Queue.offer(inbox, { value: 0, reply });
      sum += yield* Deferred.await(reply);
    }
    return sum;
  });

const echo = (inbox) =>
  Effect.gen(function* () {
    for (;;) {
      const { value, reply } = yield* Queue.take(inbox);
      yield* Deferred.succeed(reply, value);
    }
  });

const asks = (inbox, operations, { first, step }) =>
  Effect.gen(function* () {
    let sum = 0;
    for (let value = first; value < operations; value += step) {
      const reply = yield* Deferred.make();
      yield* Queue.offer(inbox, { value, reply });
      sum += yield* Deferred.await(reply);
    }
    return sum;
  });

const seen = { sum: 0, fibers: 0, all: 0, onAll: () => undefined };

function count(value) {
  seen.sum += value;
  seen.fibers += 1;
  if (seen.fibers === seen.all) seen.onAll();
}

/** Has one field, its value. Counts itself when it starts, then waits. */
const waiting = (value) => Effect.sync(() => count(value)).pipe(Effect.andThen(Effect.never));

async function forkIdle(operations) {
  seen.sum = seen.fibers = 0;
  seen.all = operations;
  const all = new Promise((resolve) => (seen.onAll = resolve));
  const fibers = new Array(operations);
  for (let value = 0; value < operations; value += 1) {
    fibers[value] = Effect.runFork(waiting(value));
  }
  await all;
  return fibers;
}

const pingPong = (operations) =>
  Effect.gen(function* () {
    const ping = yield* Queue.bounded(0);
    const pong = yield* Queue.bounded(0);
    const other = yield* Effect.forkChild(
      Effect.gen(function* () {
        for (;;) yield* Queue.offer(pong, yield* Queue.take(ping));
      }),
    );
    let sum = 0;
    for (let value = 0; value < operations; value += 1) {
      yield* Queue.offer(ping, value);
      sum += yield* Queue.take(pong);
    }
    yield* Fiber.interrupt(other);
    return sum;
  });

const streamAwaited = (operations) =>
  Effect.gen(function* () {
    const numbers = yield* Queue.bounded(CAPACITY);
    yield* Effect.forkChild(
      Effect.gen(function* () {
        for (let value = 0; value < operations; value += 1) yield* Queue.offer(numbers, value);
      }),
    );
    let sum = 0;
    for (let taken = 0; taken < operations; taken += 1) sum += yield* Queue.take(numbers);
    return sum;
  });

const streamSync = (operations) =>
  Effect.gen(function* () {
    const numbers = yield* Queue.bounded(CAPACITY);
    yield* Effect.forkChild(
      Effect.gen(function* () {
        for (let value = 0; value < operations; value += 1) {
          if (!Queue.offerUnsafe(numbers, value)) yield* Queue.offer(numbers, value);
        }
      }),
    );
    let sum = 0;
    for (let taken = 0; taken < operations; taken += 1) {
      const exit = Queue.takeUnsafe(numbers);
      sum += exit === undefined ? yield* Queue.take(numbers) : exit.value;
    }
    return sum;
  });

const selectFour = (operations) =>
  Effect.gen(function* () {
    const takes = [];
    for (const first of [0, 1, 2, 3]) {
      const numbers = yield* Queue.bounded(0);
      takes.push(Queue.take(numbers));
      yield* Effect.forkChild(
        Effect.gen(function* () {
          for (let value = first; value < operations; value += 4) {
            yield* Queue.offer(numbers, value);
          }
        }),
      );
    }
    let sum = 0;
    for (let taken = 0; taken < operations; taken += 1) sum += yield* Effect.raceAllFirst(takes);
    return sum;
  });

function repeatEffect(program, benchmark) {
  return repeat(program, { batch: () => Effect.runPromise(benchmark(program.operations)) });
}

function withActor(actor, run) {
  const inbox = Effect.runSync(Queue.bounded(MAILBOX));
  Effect.runFork(actor(inbox));
  return run(inbox);
}

await main({
  tell: (program) =>
    withActor(counter, (inbox) => repeatEffect(program, (operations) => tells(inbox, operations))),
  'ask-sequential': (program) =>
    withActor(echo, (inbox) =>
      repeatEffect(program, (operations) => asks(inbox, operations, { first: 0, step: 1 })),
    ),
  'ask-128': (program) =>
    withActor(echo, (inbox) =>
      repeatEffect(program, (operations) =>
        Effect.map(
          Effect.all(
            Array.from({ length: IN_FLIGHT }, (_, first) =>
              asks(inbox, operations, { first, step: IN_FLIGHT }),
            ),
            { concurrency: 'unbounded' },
          ),
          (sums) => sums.reduce((sum, each) => sum + each, 0),
        ),
      ),
    ),
  spawn(program) {
    let fibers = [];
    return repeat(program, {
      async batch() {
        fibers = await forkIdle(program.operations);
        return seen.sum;
      },
      between: () => Effect.runPromise(Fiber.interruptAll(fibers)),
    });
  },
  memory(program) {
    let fibers = [];
    return weigh(program, {
      async batch() {
        fibers = await forkIdle(program.operations);
        return seen.sum;
      },
      between: () => void fibers.length,
    });
  },
  'channel-ping-pong': (program) => repeatEffect(program, pingPong),
  'channel-stream-awaited': (program) => repeatEffect(program, streamAwaited),
  'channel-stream-sync': (program) => repeatEffect(program, streamSync),
  'select-4': (program) => repeatEffect(program, selectFour),
});
