import test from 'ava';
import { isCallError } from '@troupe/actor';
import { simulate, type Simulated } from '@troupe/sim';
import { type Host, starter } from './consensus/hosts.ts';
import { SEGMENT_BYTES } from './consensus/nodes.ts';

const names = ['a', 'b', 'c'];

function append(value: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(['x'.repeat(100), value]));
}

/** Thirty commands at a time, `rounds` times, by way of `host`. */
async function fill(world: Simulated<Host>, host: string, rounds: number): Promise<void> {
  const values = Array.from({ length: 30 }, (_, i) => i);
  for (let round = 0; round < rounds; round += 1) {
    await world.on(host, ({ group }) => Promise.all(values.map((i) => group.propose(append(i)))));
  }
}

async function leaderOf(world: Simulated<Host>, by = 'a'): Promise<string> {
  await world.on(by, ({ group }) => group.read());
  return world.node(by).group.status().leader ?? '';
}

/** All nodes have applied the same. */
async function agreed(world: Simulated<Host>): Promise<boolean> {
  const texts = new Set<string>();
  for (const host of world.nodes.keys()) {
    await world.on(host, ({ group }) => group.read());
    texts.add(world.node(host).machine.text);
  }
  return texts.size === 1;
}

test('entries that a disk has lost are made good by peers, and until then the node has no vote', async (t) => {
  await simulate({ seed: 3, start: starter({ voters: names }) }, async (world) => {
    await fill(world, 'a', 15);
    await world.on('b', ({ group }) => group.read());
    world.crash('b');
    t.true(world.world.disk('b').flipBit('log-00000001', 3_000));

    await world.start('b');
    const damaged = world.node('b').group.status();
    await world.sleep(5_000);
    const healed = world.node('b').group.status();
    world.crash('b');
    await world.start('b');

    t.like(damaged, { isDamaged: true, last: 1, role: 'follower' });
    t.like(healed, { isDamaged: false });
    t.false(world.node('b').group.status().isDamaged);
    t.true(await agreed(world));
  });
});

test('a leader whose disk is full hands over, and has all that it missed when there is room', async (t) => {
  const log = { reserveBytes: SEGMENT_BYTES };
  const start = starter({ voters: names, log, snapshotEntries: 200, keepEntries: 10 });
  await simulate({ seed: 4, start }, async (world) => {
    await fill(world, 'a', 1);
    const leader = await leaderOf(world);
    const [other = ''] = names.filter((name) => name !== leader);

    world.world.disk(leader).suffer('full');
    await fill(world, other, 20); // More than the reserve has room for.
    const full = world.node(leader).engine.status();
    const next = await leaderOf(world, other);
    world.world.disk(leader).goOn();
    await world.sleep(60_000);

    t.true(full.isFull);
    t.not(next, leader);
    t.false(world.node(leader).engine.status().isFull);
    t.true(await agreed(world));
  });
});

test('a follower whose disk is full takes no commands, and has its vote all the same', async (t) => {
  const log = { reserveBytes: SEGMENT_BYTES };
  const start = starter({ voters: names, log });
  await simulate({ seed: 7, start }, async (world) => {
    await fill(world, 'a', 1);
    const leader = await leaderOf(world);
    const [full = '', other = ''] = names.filter((name) => name !== leader);

    world.world.disk(full).suffer('full');
    await fill(world, leader, 20); // More than the reserve has room for.
    const { durable } = world.node(full).group.status();
    const asked = world.on(full, ({ group }) => group.propose(append(1), { timeoutMs: 1_000 }));
    const error = await t.throwsAsync(asked, { code: 'ERR_DEADLINE_EXCEEDED' });
    world.crash(leader);
    await world.sleep(5_000);
    const { role } = world.node(other).group.status();
    world.world.disk(full).goOn();
    await world.start(leader);
    await world.sleep(60_000);

    t.regex(String(error.cause), new RegExp(`${full} takes no commands .* its disk has no room`));
    t.is(role, 'leader');
    t.true(durable < world.node(other).group.status().durable);
    t.true(await agreed(world));
  });
});

test('a snapshot that the disk has spoiled is sent anew by a peer', async (t) => {
  const start = starter({ voters: names, keepEntries: 10 });
  await simulate({ seed: 8, start }, async (world) => {
    await fill(world, 'a', 2);
    await world.on('b', ({ group }) => group.read());
    await world.on('b', ({ group }) => group.snapshot());
    world.crash('b');
    const [file = ''] = world.world.disk('b').names.filter((name) => name.endsWith('.data'));
    t.true(world.world.disk('b').flipBit(file, 100));

    await world.start('b');
    const { awaitsState } = world.node('b').group.status();
    await world.sleep(5_000);
    world.crash('b');
    await world.start('b');

    t.true(awaitsState);
    t.like(world.node('b').group.status(), { awaitsState: false, isDamaged: false });
    t.true(await agreed(world));
  });
});

test('a leader whose disk has spoiled its snapshot makes another for a member that needs one', async (t) => {
  const start = starter({ voters: names, keepEntries: 10 });
  await simulate({ seed: 10, start }, async (world) => {
    await fill(world, 'a', 1);
    const leader = await leaderOf(world);
    const [behind = '', other = ''] = names.filter((name) => name !== leader);
    world.crash(behind);
    await fill(world, leader, 2);
    await world.on(leader, ({ group }) => group.snapshot());
    await world.on(other, ({ group }) => group.read());
    const disk = world.world.disk(leader);
    const [file = ''] = disk.names.filter((name) => name.endsWith('.data'));
    t.true(disk.flipBit(file, 100));

    await world.start(behind);
    await world.on(behind, ({ group }) => group.read());
    const made = disk.names.filter((name) => name.endsWith('.data'));
    world.crash(leader);
    await world.start(leader);

    t.not(file, '');
    t.is(made.length, 1);
    t.not(made[0], file);
    t.false(world.node(leader).group.status().awaitsState);
    t.true(await agreed(world));
  });
});

test('a full disk that nobody can stand in for refuses commands, and takes them again', async (t) => {
  const start = starter({ voters: ['a'] });
  await simulate({ seed: 5, nodes: ['a'], start }, async (world) => {
    await fill(world, 'a', 1);
    world.world.disk('a').suffer('full');

    const refused: unknown = await fill(world, 'a', 40).then(
      () => undefined,
      (error: unknown) => error,
    );
    const { isFull } = world.node('a').engine.status();
    await world.on('a', ({ group }) => group.read());
    world.world.disk('a').goOn();
    await world.sleep(60_000);
    await fill(world, 'a', 1);

    t.true(isCallError(refused) && isFull);
    t.like(refused, { code: 'ERR_DISK_FULL', executed: 'no' });
  });
});

test('a log that fills its disk is shortened in time, with the room that the reserve leaves', async (t) => {
  const start = starter({ log: { reserveBytes: 3 * SEGMENT_BYTES }, voters: ['a'] });
  await simulate({ seed: 5, nodes: ['a'], start }, async (world) => {
    await fill(world, 'a', 1);
    world.world.disk('a').setQuality({ capacityBytes: 8 * SEGMENT_BYTES });

    await fill(world, 'a', 80); // Of which each is a quarter of a segment.
    await world.sleep(60_000);

    t.true(world.node('a').group.status().first > 1);
    t.false(world.node('a').engine.status().isFull);
  });
});

/** One node, which makes a snapshot every hundred commands, when it has all its first files. */
const roomy = starter({
  log: { reserveBytes: 4 * SEGMENT_BYTES },
  voters: ['a'],
  snapshotEntries: 100,
});

test('a log is shortened in the room of the reserve, where a snapshot had none just before', async (t) => {
  await simulate({ seed: 5, nodes: ['a'], start: roomy }, async (world) => {
    await world.sleep(1_000); // For the reserve, and two segments.
    world.world.disk('a').setQuality({ capacityBytes: 6 * SEGMENT_BYTES });

    const refused = fill(world, 'a', 10);
    await t.throwsAsync(refused, { code: 'ERR_DISK_FULL' });

    t.true(world.node('a').group.status().first > 1);
  });
});

test('a log that could not be shortened for want of room is, when there is a little', async (t) => {
  await simulate({ seed: 5, nodes: ['a'], start: roomy }, async (world) => {
    await world.sleep(1_000);
    world.world.disk('a').suffer('full');
    const refused = fill(world, 'a', 10);
    await t.throwsAsync(refused, { code: 'ERR_DISK_FULL' });
    const before = world.node('a').group.status();

    world.world.disk('a').setQuality({ capacityBytes: 3.5 * SEGMENT_BYTES });
    world.world.disk('a').goOn();
    await world.sleep(60_000);

    t.is(before.first, 1);
    t.true(world.node('a').group.status().first > 1);
    t.true(world.node('a').engine.status().isFull);
  });
});

test('a leader whose loop stands still has given up the lead before it takes a command', async (t) => {
  await simulate({ seed: 6, start: starter({ voters: names }) }, async (world) => {
    await fill(world, 'a', 1);
    const leader = await leaderOf(world);

    world.world.stall(leader, 3_000, 'timers-first');
    const late = world.on(leader, ({ group }) => group.propose(append(1), { forward: false }));
    const told = await late.then(
      () => undefined,
      (error: unknown) => error,
    );

    t.like(told, { code: 'ERR_NOT_LEADER', executed: 'no' });
    t.true(await agreed(world));
  });
});

test('a leader that stood still trusts no lease, though it has heard nothing of another', async (t) => {
  const start = starter({ voters: names, leaseReads: true });
  await simulate({ seed: 9, start }, async (world) => {
    await fill(world, 'a', 1);
    const leader = await leaderOf(world);
    const [other = '', third = ''] = names.filter((name) => name !== leader);
    const leased = { consistency: 'lease', timeoutMs: 5_000 } as const;
    await world.on(leader, ({ group }) => group.read(leased));

    world.world.stall(leader, 3_000, 'timers-first');
    for (const name of [other, third]) {
      world.world.network.cut(leader, name);
      world.world.network.cut(name, leader);
    }
    const late = t.throwsAsync(world.on(leader, ({ group }) => group.read(leased)));
    await world.sleep(1_500);
    await world.on(other, ({ group }) => group.propose(append(1)));

    t.like(await late, { code: 'ERR_DEADLINE_EXCEEDED', executed: 'no' });
  });
});
