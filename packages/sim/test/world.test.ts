import test from 'ava';
import type { Connection } from '@troupe/remote';
import { type Place, StillWaiting, World } from '@troupe/sim';

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/** A host that keeps what it is told, and says how each connection ended. */
class Listening {
  readonly heard: string[] = [];
  connection: Connection | undefined;

  static async at(world: World, host: string): Promise<Listening> {
    const listening = new Listening();
    await world.start(host, ({ transport, listen }) =>
      transport.listen(listen, (connection) => listening.take(connection)),
    );
    return listening;
  }

  take(connection: Connection): void {
    this.connection = connection;
    connection.start({
      data: (bytes) => void this.heard.push(textOf(bytes)),
      closed: (error) => void this.heard.push(error?.message ?? 'closed'),
    });
  }
}

async function dial(place: Place, to: string, timeoutMs = 5_000): Promise<Connection> {
  return place.transport.dial(`${to}:7000`, { timeoutMs });
}

function pair(seed = 1): World {
  return new World({ seed, hosts: ['a', 'b'] });
}

test('bytes arrive in order, however much of them is lost on the way', async (t) => {
  const world = pair();
  world.network.setQuality({ loss: 0.3, jitterMs: 20 });
  const sent = Array.from({ length: 100 }, (_, i) => String(i));

  const b = await world.drive(
    (async () => {
      const listening = await Listening.at(world, 'b');
      const connection = await dial(
        world.start('a', (place) => place),
        'b',
        60_000,
      );
      for (const line of sent) connection.write(Buffer.from(line));
      connection.close();
      await world.sleep(60_000);
      return listening;
    })(),
  );

  t.deepEqual(b.heard, [...sent, 'closed']);
  t.true(world.nowMs > 60_000);
});

test('a process that is killed resets its connections; a host that loses power is silent', async (t) => {
  const ends: string[][] = [];
  for (const power of [false, true]) {
    const world = pair();
    await world.drive(
      (async () => {
        await Listening.at(world, 'b');
        const near = new Listening();
        near.take(
          await dial(
            world.start('a', (place) => place),
            'b',
          ),
        );
        world.crash('b', { power });
        await world.sleep(1_000);
        ends.push([...near.heard]);
        near.connection?.write(Buffer.from('anybody?'));
        await world.sleep(30_000);
        ends.push([...near.heard]);
      })(),
    );
  }

  const reset = 'connection reset by peer';
  t.deepEqual(ends, [[reset], [reset], [], ['nothing got through for 15000 ms']]);
});

test('nobody listens, a host is off, a link is cut: a dial says which', async (t) => {
  const world = new World({ seed: 1, hosts: ['a', 'b', 'c', 'd'] });
  const errors = await world.drive(
    (async () => {
      world.start('b', () => undefined);
      await Listening.at(world, 'c');
      world.crash('c', { power: true });
      await Listening.at(world, 'd');
      world.partition(['a'], ['d']);
      const place = world.start('a', (it) => it);
      return Promise.all(
        ['b', 'c', 'd'].map((host) => dial(place, host).then(String, (e: Error) => e.message)),
      );
    })(),
  );

  t.deepEqual(errors, [
    'connection refused; is a node running there?',
    'no answer within 5000 ms',
    'no answer within 5000 ms',
  ]);
});

test('one direction can be cut, and what waited goes on when it is mended', async (t) => {
  const world = pair();

  const heard = await world.drive(
    (async () => {
      const b = await Listening.at(world, 'b');
      const a = new Listening();
      a.take(
        await dial(
          world.start('a', (place) => place),
          'b',
        ),
      );
      world.network.cut('a', 'b');
      a.connection?.write(Buffer.from('hello'));
      b.connection?.write(Buffer.from('good day'));
      await world.sleep(2_000);
      const before = [[...a.heard], [...b.heard]];
      world.heal();
      await world.sleep(100);
      return [...before, [...a.heard], [...b.heard]];
    })(),
  );

  t.deepEqual(heard, [['good day'], [], ['good day'], ['hello']]);
});

test('datagrams can be lost, doubled, and too long', async (t) => {
  const world = pair();
  world.network.setQuality({ loss: 0.2, duplication: 0.2, mtuBytes: 100 });
  const got: string[] = [];

  await world.drive(
    (async () => {
      world.start('b', (place) => place.datagrams(9, (_, bytes) => void got.push(textOf(bytes))));
      const socket = world.start('a', (place) => place.datagrams(0, () => {}));
      for (let i = 0; i < 200; i += 1) socket.send('b:9', Buffer.from(`<${i}>`));
      socket.send('b:9', Buffer.alloc(101));
      await world.sleep(1_000);
    })(),
  );

  const different = new Set(got).size;
  t.true(different > 140 && different < 200, `${different} of 200 arrived`);
  t.true(got.length > different + 10, `${got.length - different} came twice`);
  t.false(got.some((text) => text.length > 10));
  const numbers = got.map((text) => Number(text.slice(1, -1)));
  t.notDeepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
    'none overtakes another',
  );
});

for (const [jitter, median, isBounded] of [
  ['exponential', 6.93, false],
  ['uniform', 10, true],
  ['heavy-tailed', 2.94, false],
] as const) {
  test(`latency is ${jitter} around its mean, if it is to be`, (t) => {
    const { network } = pair();
    network.setQuality({ latencyMs: 5, jitterMs: 10, jitter });

    const delays = Array.from({ length: 20_000 }, () => network.arrival('a', 'b', 100) ?? NaN);

    const sorted = delays.map((at) => at - 5).toSorted((x, y) => x - y);
    const mean = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
    t.true(Math.abs(mean - 10) < 1, `mean ${mean}`);
    t.true(Math.abs((sorted[10_000] ?? 0) - median) < 0.3, `median ${sorted[10_000]}`);
    t.true((sorted[0] ?? -1) >= 0);
    t.is((sorted.at(-1) ?? 0) <= 20, isBounded);
  });
}

test('a throttled link takes its time for each byte, in its one direction alone', (t) => {
  const { network } = pair();
  network.setQuality({ latencyMs: 1, jitterMs: 0 });
  network.setLink('a', 'b', { bytesPerMs: 100 });

  const slow = [1_000, 500].map((bytes) => network.arrival('a', 'b', bytes));
  const quick = network.arrival('b', 'a', 1_000);
  network.setLink('a', 'b', undefined);

  t.deepEqual(slow, [11, 16]);
  t.is(quick, 1);
  t.is(network.arrival('a', 'b', 1_000), 1);
});

test('a partition may leave somebody who hears both sides', async (t) => {
  const world = new World({ seed: 1, hosts: ['a', 'b', 'bridge'] });
  world.partition(['a'], ['b']);
  const heard: string[] = [];

  await world.drive(
    (async () => {
      for (const from of world.hosts) {
        const socket = world.start(from, ({ datagrams }) =>
          datagrams(9, (sender) => void heard.push(`${sender.split(':')[0]} > ${from}`)),
        );
        void world.sleep(10).then(() => {
          for (const to of world.hosts) if (to !== from) socket.send(`${to}:9`, Buffer.of(1));
        });
      }
      await world.sleep(100);
    })(),
  );

  t.deepEqual(heard.toSorted(), ['a > bridge', 'b > bridge', 'bridge > a', 'bridge > b']);
});

for (const [shape, order] of [
  ['timers-first', ['timer', 'input']],
  ['in-order', ['input', 'timer']],
] as const) {
  test(`after a stall of the shape ${shape}, what is late happens in that order`, async (t) => {
    const world = pair();
    const happened: string[] = [];

    await world.drive(
      (async () => {
        world.start('b', ({ env, datagrams }) => {
          datagrams(9, () => void happened.push('input'));
          env.setTimer(500, () => void happened.push('timer'));
        });
        const socket = world.start('a', (place) => place.datagrams(0, () => {}));
        world.stall('b', 1_000, shape);
        socket.send('b:9', Buffer.from('x'));
        await world.sleep(900);
        t.deepEqual(happened, []);
        await world.sleep(200);
      })(),
    );

    t.deepEqual(happened, order);
  });
}

test('clocks run at their rates, and a wall clock jumps alone', async (t) => {
  const world = pair();
  world.setClock('b', { rate: 1.5, offsetMs: 250 });

  const read = await world.drive(
    (async () => {
      const [a, b] = ['a', 'b'].map((host) => world.start(host, ({ env }) => env));
      if (a === undefined || b === undefined) throw new TypeError('BUG: no such host');
      await world.sleep(1_000);
      world.setWallClock('a', -5_000);
      return [a.now(), b.now(), a.wallTime() - Date.UTC(2020, 0, 1), b.wallTime() - a.wallTime()];
    })(),
  );

  t.deepEqual(read, [1_000, 1_500, -4_000, 1_500 + 250 + 4_000]);
});

test('who waits for what never happens is told when', async (t) => {
  const world = pair();
  const never = new Promise<void>(() => {});

  await t.throwsAsync(world.drive(never), {
    instanceOf: StillWaiting,
    message: 'at 0 ms nothing is left to happen, and somebody still waits',
  });
  const { env } = world.start('a', (place) => place);
  const again = (): void => void env.setTimer(1_000, again);
  again();
  await t.throwsAsync(world.drive(never, 5_500), {
    message: 'at 5500 ms that is the limit, and somebody still waits',
  });
});
