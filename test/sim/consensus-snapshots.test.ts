import test from 'ava';
import { simulate, type Simulated } from '@troupe/sim';
import { type Host, starter } from './consensus/hosts.ts';

const names = ['a', 'b', 'c'];
const start = starter({ voters: names, keepEntries: 1, log: { segmentBytes: 2 ** 20 } });
const BYTES_PER_MS = 4_000;
/** Of the state, and so of its snapshot. */
const STATE_BYTES = 8 * 2 ** 20;
const COMMANDS = 64;

/** What 8 MiB of lists are made by; each is under a name of its own. */
function fill(value: number): Uint8Array {
  const key = `${value}`.padEnd(STATE_BYTES / COMMANDS, 'x');
  return new TextEncoder().encode(JSON.stringify([key, value]));
}

/** One of three is away while all becomes a snapshot; its link will be slow. */
async function leaveBehind(world: Simulated<Host>): Promise<{ leader: string; late: string }> {
  await world.on('a', ({ group }) => group.propose(fill(0)));
  const leader = world.node('a').group.status().leader ?? '';
  const late = names.find((name) => name !== leader) ?? '';
  world.crash(late);
  for (let value = 1; value < COMMANDS; value += 1) {
    await world.on(leader, ({ group }) => group.propose(fill(value)));
  }
  await world.on(leader, ({ group }) => group.snapshot());
  world.world.network.setLink(leader, late, { bytesPerMs: BYTES_PER_MS });
  return { leader, late };
}

/** How long it takes from now until `late` has everything. */
async function catchesUp(world: Simulated<Host>, late: string): Promise<number> {
  const since = world.nowMs;
  await world.on(late, ({ group }) => group.read({ timeoutMs: 30_000 }));
  return world.nowMs - since;
}

const WHOLE_MS = STATE_BYTES / BYTES_PER_MS;

test('a snapshot takes as long as its link needs for all of it', async (t) => {
  let took = 0;
  await simulate({ seed: 11, start }, async (world) => {
    const { late } = await leaveBehind(world);

    await world.start(late);
    took = await catchesUp(world, late);
  });

  t.true(took > 0.9 * WHOLE_MS && took < 1.5 * WHOLE_MS, `${took} ms`);
});

type Break = (world: Simulated<Host>, leader: string, late: string) => Promise<void>;

const breaks: readonly [what: string, run: Break][] = [
  [
    'its link was cut',
    async (world, leader, late) => {
      const { network } = world.world;
      network.cut(leader, late);
      network.cut(late, leader);
      await world.sleep(1_000);
      network.mend(leader, late);
      network.mend(late, leader);
    },
  ],
  [
    'its receiver lost power',
    async (world, _leader, late) => {
      world.crash(late);
      await world.start(late);
    },
  ],
];

for (const [what, breakOff] of breaks) {
  test(`a snapshot that was sent in part goes on from there after ${what}`, async (t) => {
    let took = 0;
    await simulate({ seed: 12, start }, async (world) => {
      const { leader, late } = await leaveBehind(world);
      await world.start(late);
      await world.sleep(0.75 * WHOLE_MS);
      t.true(world.node(late).group.status().applied < COMMANDS);

      await breakOff(world, leader, late);
      took = await catchesUp(world, late);
    });

    t.true(took > 0.2 * WHOLE_MS && took < 0.6 * WHOLE_MS, `${took} ms of ${WHOLE_MS}`);
  });
}
