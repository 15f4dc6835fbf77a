import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { Gossip, type Input, META_BYTES_MAX, packetBytes, settingsOf } from '@troupe/gossip';
import { alive, Bench, failed, gossip, suspect, type Update } from './bench.ts';

/** What a process says first that is called `name`. */
function asksToJoin(
  name: string,
  { address, generation }: { readonly address: string; readonly generation: number },
): Input {
  const message = { kind: 'sync', digest: 1, members: 1, join: true } as const;
  const updates = [{ ...alive(name, 0, generation), address }];
  const packet = { cluster: 0, from: name, generation, message, updates };
  return { kind: 'packet', via: 'stream', from: address, packet };
}

function knowing(...names: readonly string[]): Bench {
  const bench = new Bench();
  for (const name of names) bench.hear(name, gossip, alive(name));
  bench.advance(10);
  bench.taken();
  return bench;
}

test('a connection that breaks makes it look at once, and refusals by three are proof', (t) => {
  const bench = knowing('b', 'c', 'd');

  bench.give({ kind: 'evidence', name: 'b', generation: 100, event: 'reset' });
  t.true(bench.taken().some(({ to, via }) => to === 'b:1' && via === 'stream'));
  bench.give({ kind: 'evidence', name: 'b', generation: 100, event: 'refused' });
  const requests = bench.taken().flatMap(({ packet: { message } }) => {
    return message.kind === 'ping-request' && message.verify ? [message] : [];
  });
  t.is(bench.gossip.get('b')?.state, 'alive');
  for (const name of ['c', 'd']) {
    bench.hear(name, { kind: 'refused', sequence: requests[0]?.sequence ?? 0 });
  }

  t.is(bench.gossip.get('b')?.state, 'failed');
});

test('a refusal that others do not meet buries nobody', (t) => {
  const bench = knowing('b', 'c', 'd');

  bench.give({ kind: 'evidence', name: 'b', generation: 100, event: 'refused' });
  const [request] = bench.taken().filter(({ packet }) => packet.message.kind === 'ping-request');
  const { message } = request?.packet ?? {};
  bench.hear('c', {
    kind: 'ack',
    sequence: message?.kind === 'ping-request' ? message.sequence : 0,
  });
  bench.advance(600);

  t.not(bench.gossip.get('b')?.state, 'failed');
});

test('what refusals proved of one that objected they do not prove once more', (t) => {
  const bench = knowing('b', 'c', 'd');
  bench.hear('c', gossip, { ...failed('b', 'c'), proof: true });
  const isTried = (generation: number): boolean => {
    bench.taken();
    bench.give({ kind: 'evidence', name: 'b', generation, event: 'refused' });
    return bench.taken().some(({ packet }) => packet.message.kind === 'ping-request');
  };

  bench.hear('b', gossip, alive('b', 1));
  t.false(isTried(100));
  bench.hear('b', gossip, alive('b', 0, 200));

  t.true(isTried(200));
});

test('evidence of an earlier process at the address is none', (t) => {
  const bench = knowing('b');

  bench.give({ kind: 'evidence', name: 'b', generation: 99, event: 'refused' });

  t.is(bench.gossip.get('b')?.state, 'alive');
});

test('a tick that is late judges nobody, and says so', (t) => {
  const bench = knowing('b', 'c', 'd', 'e');
  bench.advance(1_000);
  bench.events = [];

  bench.nowMs += 3_000;
  bench.give({ kind: 'tick' });

  t.deepEqual(bench.kinds(), ['degraded ']);
  t.true(bench.gossip.health >= 3);
});

test('who gets no answers at all gives up nobody for a while', (t) => {
  const bench = knowing('b', 'c', 'd', 'e', 'f');

  bench.advance(35_000);
  t.false(bench.kinds().some((kind) => kind.startsWith('failed')));
  bench.advance(60_000);

  t.true(bench.kinds().some((kind) => kind.startsWith('failed')));
});

test('who is said to be gone has its time to object, however many say so at once', (t) => {
  const bench = knowing('b', 'c', 'd', 'e');
  bench.isAnswered = true;
  bench.advance(20_000); // Long enough that nobody is heard of all the time.
  bench.events = [];

  bench.hear('c', gossip, failed('b', 'c'));
  bench.hear('d', gossip, failed('b', 'd'), failed('b', 'e'));
  t.deepEqual(bench.kinds(), ['suspected b']);
  bench.hear('e', gossip, alive('b', 1));

  t.deepEqual(bench.kinds(), ['suspected b', 'refuted b']);
});

test('who is said to be gone and does not object is given up in the least time', (t) => {
  const bench = knowing('b', 'c', 'd', 'e');

  bench.hear('c', gossip, failed('b', 'c'));
  answerOthers(bench, 'b', 1_900);
  t.is(bench.gossip.get('b')?.state, 'suspect');
  answerOthers(bench, 'b', 200);

  t.is(bench.gossip.get('b')?.state, 'failed');
});

test('one that was suspected here as well is given up at the word of another', (t) => {
  const bench = knowing('b', 'c', 'd', 'e');
  bench.hear('c', gossip, suspect('b', 'c'));
  answerOthers(bench, 'b', 1_500);

  bench.hear('c', gossip, failed('b', 'c'));

  t.is(bench.gossip.get('b')?.state, 'failed');
});

test('a suspect that was heard once, and is silent when it is asked, is given up', (t) => {
  const bench = knowing('b', 'c', 'd', 'e');
  bench.hear('c', gossip, suspect('b', 'c'), suspect('b', 'd'), suspect('b', 'e'));
  answerOthers(bench, 'b', 500);
  bench.hear('b', gossip);

  answerOthers(bench, 'b', 3_000);
  t.is(bench.gossip.get('b')?.state, 'suspect');
  answerOthers(bench, 'b', 4_000);

  t.is(bench.gossip.get('b')?.state, 'failed');
});

test('that one has failed is believed again of others when it is silent once more', (t) => {
  const bench = knowing('b', 'c', 'd', 'e');
  bench.hear('c', gossip, failed('b', 'c'));
  answerOthers(bench, 'b', 500);
  bench.hear('b', gossip);
  answerOthers(bench, 'b', 3_000);

  bench.hear('d', gossip, failed('b', 'd'));

  t.is(bench.gossip.get('b')?.state, 'failed');
});

test('one that is deaf among four gives up none of them in the time of one suspicion', (t) => {
  const bench = knowing('b', 'c', 'd');
  answerOthers(bench, '', 5_000);

  bench.advance(20_000);

  t.false(bench.kinds().some((kind) => kind.startsWith('failed')));
});

test('silences put off for a while that a suspect is given up, and not for ever', (t) => {
  const bench = new Bench({ settings: { suspicionFactor: 2.5 } });
  for (const name of ['b', 'c', 'd', 'e', 'f']) bench.hear(name, gossip, alive(name));
  bench.hear('c', gossip, suspect('b', 'c'));

  // More than the four seconds after which it counts, and less than the ten that a suspect has.
  for (let times = 0; times < 24; times += 1) {
    bench.advance(5_000);
    bench.taken();
    bench.hear('c', gossip);
    answerOthers(bench, 'b', 50);
  }

  t.is(bench.gossip.get('b')?.state, 'failed');
});

test('silences put off for a while that a probe ends, and not for ever', (t) => {
  const bench = knowing('b', 'c', 'd', 'e', 'f');
  bench.give({ kind: 'stalled', forMs: 20_000 }); // So unwell that a probe lasts nine seconds.

  for (let times = 0; times < 10; times += 1) {
    bench.advance(4_100); // More than the four seconds after which it counts.
    bench.hear('c', gossip);
  }

  t.true(bench.kinds().some((kind) => kind.startsWith('suspected')));
});

test('one whose ticks are always late judges others all the same, though late', (t) => {
  const bench = knowing('b', 'c', 'd', 'e');

  for (let times = 0; times < 400 && bench.gossip.get('b')?.state !== 'failed'; times += 1) {
    bench.nowMs = Math.max(bench.nowMs, bench.gossip.nextDeadlineMs) + 250;
    bench.give({ kind: 'tick' });
    answerOthers(bench, 'b', 0);
  }

  t.is(bench.gossip.get('b')?.state, 'failed');
  t.is(bench.gossip.get('c')?.state, 'alive');
});

test('after a long silence suspects are asked anew, and old accusations shorten nothing', (t) => {
  const bench = knowing('b', 'c', 'd', 'e', 'f');
  bench.hear('c', gossip, suspect('b', 'c'));
  bench.advance(6_000);
  bench.taken();

  bench.hear('d', gossip);
  const asked = bench.taken().filter(({ packet }) => packet.message.kind === 'ping');
  t.true(asked.some(({ to }) => to === 'b:1'));
  bench.hear('e', gossip, ...['d', 'e', 'f'].map((by) => suspect('b', by)));
  answerOthers(bench, 'b', 1_500);
  t.is(bench.gossip.get('b')?.state, 'suspect');
  answerOthers(bench, 'b', 1_000);
  t.is(bench.gossip.get('b')?.state, 'failed');
});

/** Lets time go on; all but one answer their pings. */
function answerOthers(bench: Bench, silent: string, forMs: number): void {
  for (let ms = 0; ms <= forMs; ms += 50) {
    if (ms > 0) bench.advance(50);
    for (const { packet } of bench.taken()) {
      const { message } = packet;
      if (message.kind !== 'ping' || message.target === silent) continue;
      bench.hear(message.target, { kind: 'ack', sequence: message.sequence });
    }
  }
}

test('a name that a live member has is not given away', (t) => {
  const bench = knowing('b');

  bench.give(asksToJoin('b', { address: 'other:1', generation: 200 }));

  t.deepEqual(bench.taken()[0]?.packet.message, { kind: 'taken', address: 'b:1' });
  t.is(bench.gossip.get('b')?.address, 'b:1');
});

test('the name of a suspect is not given away either, until it is given up', (t) => {
  const bench = knowing('b', 'c', 'd', 'e');
  bench.hear('c', gossip, suspect('b', 'c'));

  const claim = asksToJoin('b', { address: 'other:1', generation: 200 });
  bench.give(claim);
  t.like(bench.gossip.get('b'), { address: 'b:1', state: 'suspect' });
  bench.hear('c', gossip, { ...failed('b', 'c'), proof: true });
  bench.give(claim);

  t.like(bench.gossip.get('b'), { address: 'other:1', state: 'alive' });
});

test('claims to a name bring its holder no accusation before its turn', (t) => {
  const accusedAfter = (isClaimed: boolean): number => {
    const bench = knowing('b', 'c', 'd', 'e');
    for (let ms = 0; bench.gossip.get('b')?.state === 'alive'; ms += 50) {
      if (isClaimed) bench.give(asksToJoin('b', { address: 'other:1', generation: 200 }));
      answerOthers(bench, 'b', 50);
    }
    return bench.nowMs;
  };

  t.is(accusedAfter(true), accusedAfter(false));
});

test('who is told that its name is taken takes in nobody from those who say so', (t) => {
  const bench = new Bench();

  bench.hear('b', { kind: 'taken', address: 'old:1' }, alive('b'), alive('c'));

  t.is(bench.gossip.size, 1);
});

test('whoever refuses a name looks at once whether its holder is still there', (t) => {
  const bench = knowing('b', 'c', 'd');

  bench.give(asksToJoin('b', { address: 'other:1', generation: 200 }));

  const looks = bench.taken().filter(({ to, via }) => to === 'b:1' && via === 'stream');
  t.deepEqual(
    looks.map(({ packet }) => packet.message.kind),
    ['ping'],
  );
});

test('one whose name is said to be taken asks the holder itself, once, and its word is sure', (t) => {
  const bench = new Bench();
  bench.give({ kind: 'join', seeds: ['b:1', 'c:1'] });
  bench.taken();

  bench.hear('b', { kind: 'taken', address: 'old:1' });
  bench.hear('c', { kind: 'taken', address: 'old:1' });
  t.deepEqual(
    bench.taken().map(({ to, packet }) => `${to} ${packet.message.kind}`),
    ['old:1 sync'],
  );
  const message = { kind: 'taken', address: 'old:1' } as const;
  const packet = { cluster: 0, from: 'a', generation: 7, message, updates: [] };
  bench.give({ kind: 'packet', via: 'stream', from: 'old:1', packet });

  t.deepEqual(
    bench.events.map((event) => event.kind === 'taken' && event.isSure),
    [false, false, true],
  );
});

test('streams that are merely quicker than datagrams do not make a member deaf to these', (t) => {
  const bench = knowing('b');
  const answers = (via: 'datagram' | 'stream'): void => {
    const [ping] = bench.taken().filter(({ packet }) => packet.message.kind === 'ping');
    const { message } = ping?.packet ?? {};
    const ack = { kind: 'ack', sequence: message?.kind === 'ping' ? message.sequence : 0 } as const;
    const packet = { cluster: 0, from: 'b', generation: 100, message: ack, updates: [] };
    bench.give({ kind: 'packet', via: 'stream', from: 'b:1', packet });
    if (via === 'datagram') bench.give({ kind: 'packet', via, from: 'b:1', packet });
  };
  const look = (): void => {
    bench.give({ kind: 'evidence', name: 'b', generation: 100, event: 'reset' });
  };
  const gossips = (): readonly string[] => {
    bench.taken();
    bench.give({ kind: 'meta', meta: new Uint8Array() });
    bench.advance(60);
    const news = bench.taken().filter(({ packet }) => packet.message.kind === 'gossip');
    return news.map(({ via }) => via);
  };

  for (let i = 0; i < 3; i += 1) {
    look();
    answers('datagram');
  }
  t.deepEqual([...new Set(gossips())], ['datagram']);
  for (let i = 0; i < 3; i += 1) {
    look();
    answers('stream');
  }
  t.deepEqual([...new Set(gossips())], ['stream']);
});

test('its own name is not given away either, and who asks for it is told', (t) => {
  const bench = new Bench();
  const { name } = bench.gossip.self;
  const packet = { cluster: 0, from: name, generation: 7, updates: [] };
  const join = { kind: 'sync', digest: 1, members: 1, join: true } as const;
  const word: Update = { ...alive(name, 0, 7), address: 'other:1' };

  const from = 'other:1';
  bench.give({
    kind: 'packet',
    via: 'stream',
    from,
    packet: { ...packet, message: join, updates: [word] },
  });
  const taken = { kind: 'taken', address: bench.gossip.self.address } as const;
  t.like(bench.taken()[0], { to: from, packet: { message: taken } });
  bench.give({ kind: 'packet', via: 'stream', from, packet: { ...packet, message: taken } });

  t.true(bench.kinds().some((kind) => kind.startsWith('taken')));
});

test('a process that starts anew at its address has its name at once', (t) => {
  const bench = knowing('b');

  bench.hear('b', gossip, alive('b', 0, 200));

  t.deepEqual(bench.kinds().slice(1), ['failed b', 'joined b']);
  t.is(bench.gossip.get('b')?.generation, 200);
});

test('who is told of a later generation at its own address begins one after it', (t) => {
  const bench = knowing('b');

  bench.hear('b', gossip, alive('a', 3, 500));

  t.is(bench.gossip.self.generation, 501);
});

test('two at one address do not outlive each other for ever, and are told', (t) => {
  const bench = knowing('b');

  for (let generation = 500; generation < 600; generation += 10) {
    bench.hear('b', gossip, alive('a', 0, generation));
    bench.hear('b', gossip, { ...suspect('a', 'b'), generation: generation + 5 });
  }

  t.is(bench.gossip.self.generation, 536);
  t.deepEqual(
    bench.events.filter(({ kind }) => kind === 'taken'),
    [{ kind: 'taken', address: 'a:1', isSure: true }],
  );
});

test('a later life at its own address counts as the first again after a minute', (t) => {
  const bench = knowing('b');

  for (let generation = 500; generation < 700; generation += 10) {
    bench.hear('b', gossip, alive('a', 0, generation));
    bench.nowMs += 61_000;
  }

  t.is(bench.gossip.self.generation, 691);
});

test('who was refused another life has one again after a minute, however often it was told', (t) => {
  const bench = knowing('b');
  const hearLater = (): void => {
    bench.hear('b', gossip, { ...suspect('a', 'b'), generation: bench.gossip.self.generation + 1 });
  };
  for (let times = 0; times < 9; times += 1) hearLater();
  const { generation } = bench.gossip.self;

  for (let seconds = 0; seconds < 60; seconds += 10) {
    bench.nowMs += 10_000;
    hearLater();
    t.is(bench.gossip.self.generation, generation);
  }
  bench.nowMs += 10_000;
  hearLater();

  t.is(bench.gossip.self.generation, generation + 2);
});

test('a view that is too much for one packet goes in several', (t) => {
  const bench = new Bench();
  const meta = new Uint8Array(META_BYTES_MAX);
  for (let i = 0; i < 2_000; i += 1) bench.hear('b', gossip, { ...alive(`m${i}`), meta });
  bench.taken();

  bench.give(asksToJoin('n', { address: 'n:1', generation: 100 }));

  const states = bench.taken().filter(({ packet }) => packet.message.kind === 'states');
  const names = states.flatMap(({ packet }) => packet.updates.map(({ name }) => name));
  t.is(new Set(names).size, 2_002); // With itself, and who asks.
  t.true(states.every(({ packet }) => packetBytes(packet) < 600_000));
  t.true(states.length > 1);
});

test('the greatest incarnation is no last word', (t) => {
  const bench = knowing('b');

  bench.hear('b', gossip, failed('a', 'b', 2 ** 32 - 1));

  t.like(bench.gossip.self, { generation: 101, incarnation: 0 });
});

test('members without a common version, and more than the limit, are not let in', (t) => {
  const bench = new Bench({ settings: { membersMax: 2 } });

  bench.hear('b', gossip, { ...alive('b'), versionMin: 9, versionMax: 9 });
  for (const name of ['c', 'd', 'e']) bench.hear(name, gossip, alive(name));

  t.is(bench.gossip.size, 3);
  t.deepEqual(
    bench.events.flatMap((event) => (event.kind === 'excluded' ? [event.why] : [])),
    ['no common version', 'too many members'],
  );
});

test('a later version may speak with an earlier one, and not with one before that', (t) => {
  const bench = new Bench({ versions: { min: 2, max: 3 } });

  bench.hear('b', gossip, { ...alive('b'), versionMin: 1, versionMax: 2 }, alive('c'));

  t.is(bench.gossip.get('b')?.state, 'alive');
  t.is(bench.gossip.get('c'), undefined);
});

test('one that is said to be of the last generation there is takes part in that', (t) => {
  const bench = knowing('b');
  const generation = Number.MAX_SAFE_INTEGER;

  bench.hear('b', gossip, alive('a', 0, generation));

  t.like(bench.gossip.self, { generation, incarnation: 1 });
});

test('another cluster is not heard', (t) => {
  const bench = new Bench({ cluster: 5 });

  bench.hear('b', gossip, alive('b'));

  t.is(bench.gossip.size, 1);
});

test('who leaves says so to some at once, and answers no more pings', (t) => {
  const bench = knowing('b', 'c');

  bench.give({ kind: 'leave' });
  const told = bench.taken().map(({ to, packet }) => `${to} ${packet.updates[0]?.kind}`);
  bench.hear('b', { kind: 'ping', sequence: 1, target: 'a', generation: 100, digest: 0 });

  t.deepEqual(told.toSorted(), ['b:1 left', 'c:1 left']);
  t.is(bench.taken()[0]?.packet.message.kind, 'gossip');
});

test('new metadata is a new incarnation, and too much of it is refused', (t) => {
  const bench = knowing('b');

  bench.give({ kind: 'meta', meta: Uint8Array.of(1) });

  t.is(bench.gossip.self.incarnation, 1);
  t.throws(() => bench.give({ kind: 'meta', meta: new Uint8Array(META_BYTES_MAX + 1) }), {
    message: /513 bytes: give 512/,
  });
});

test('one that speaks although it failed is told what is said of it', (t) => {
  const bench = knowing('b', 'c');
  bench.hear('c', gossip, { ...failed('b', 'c'), proof: true });
  bench.taken();

  bench.hear('b', gossip);

  t.like(bench.taken()[0], { to: 'b:1', packet: { updates: [{ kind: 'failed', name: 'b' }] } });
});

test('one that failed is called again, so that partitions heal', (t) => {
  const bench = knowing('b', 'c');
  bench.hear('c', gossip, { ...failed('b', 'c'), proof: true });
  bench.advance(5_000);
  bench.taken();

  bench.advance(20_000);

  t.true(bench.taken().some(({ to, packet }) => to === 'b:1' && packet.message.kind === 'ping'));
});

test('one that is gone is forgotten after a day', (t) => {
  const bench = new Bench({ settings: { tombstoneMs: 50_000 } });
  bench.hear('b', gossip, alive('b'));
  bench.hear('c', gossip, alive('c'));
  bench.hear('b', gossip, { kind: 'left', name: 'c', generation: 100, incarnation: 0 });

  bench.advance(20_000);
  t.is(bench.gossip.get('c')?.state, 'left');
  bench.advance(120_000);

  t.is(bench.gossip.get('c'), undefined);
});

test('views that differ for good are compared more and more rarely', (t) => {
  const bench = knowing('b', 'c');
  const callsIn = (forMs: number): number => {
    let calls = 0;
    for (let ms = 0; ms < forMs; ms += 500) {
      answerOthers(bench, '', 500);
      bench.hear('b', { kind: 'ping', sequence: 0, target: 'a', generation: 100, digest: 1 });
      bench.hear('b', { kind: 'rows', rows: [rowOfAnother] });
      calls += bench.taken().filter(({ packet }) => packet.message.kind === 'sync').length;
    }
    return calls;
  };

  callsIn(60_000);

  t.true(callsIn(300_000) <= 25);
});

/** Of a member that is not let in. */
const rowOfAnother = { name: 'z', generation: 1, incarnation: 0, state: 'alive' } as const;

test('the view is said to be stable when nothing has changed for a while', (t) => {
  const bench = knowing('b');
  bench.hear('b', gossip, suspect('b', 'c'));
  bench.hear('b', gossip, alive('b', 1));
  const isStable = (): boolean => bench.events.some(({ kind }) => kind === 'stable');
  bench.isAnswered = true;

  bench.advance(4_000);
  t.false(isStable());
  bench.advance(1_500);

  t.true(isStable());
});

test('a core in the place of another one speaks with the incarnation it is given', (t) => {
  const bench = new Bench({ incarnation: 6 });

  bench.give({ kind: 'meta', meta: Uint8Array.of(1) });

  t.is(bench.gossip.self.incarnation, 7);
  t.throws(() => new Bench({ incarnation: -1 }), { message: /-1: give 0 … 4294967295/ });
});

for (const [title, said, incarnation] of [
  ['a later word', alive('a', 4), 5],
  ['another word of the same moment', { ...alive('a', 0), meta: Uint8Array.of(9) }, 1],
  ['its own word', alive('a', 0), 0],
] as const) {
  test(`who hears ${title} at its address speaks with incarnation ${incarnation} then`, (t) => {
    const bench = knowing('b');

    bench.hear('b', gossip, said);

    t.is(bench.gossip.self.incarnation, incarnation);
  });
}

test('who tells an old word of a live member is told the later one', (t) => {
  const bench = knowing('b', 'c');
  bench.hear('c', gossip, alive('b', 5));
  bench.taken();

  bench.hear('b', { kind: 'states', wanted: [] }, alive('b', 2));

  const [told] = bench.taken();
  t.like(told, { to: 'b:1', packet: { updates: [{ kind: 'alive', name: 'b', incarnation: 5 }] } });
});

test('settings that make no sense are refused with their value', (t) => {
  t.throws(() => settingsOf('lan', { periodMs: -1 }), { message: /periodMs is -1/ });
  t.throws(() => settingsOf('lan', { probeTimeoutMs: 9_000 }), {
    message: /probeTimeoutMs is 9000/,
  });
  // Else a probe would end before anybody else was asked.
  t.throws(() => settingsOf('lan', { ringPeriodMs: 500 }), {
    message: /ringPeriodMs is 500: give 0 or more than probeTimeoutMs/,
  });
  t.throws(() => settingsOf('lan', { membersMax: 40_000 }), {
    message: /membersMax is 40000: give 32768/,
  });
  t.throws(() => new Bench({ name: 'two words' }), { message: /'two words'/ });
  t.throws(() => new Bench({ meta: new Uint8Array(600) }), { instanceOf: RangeError });
  t.true(new Bench().gossip instanceof Gossip);
});

test('those that are gone make room for new members, the one gone longest first', (t) => {
  const bench = new Bench({ settings: { membersMax: 3 } });
  for (const name of ['b', 'c', 'd']) bench.hear(name, gossip, alive(name));
  for (const name of ['c', 'b']) {
    bench.hear('d', gossip, { ...failed(name, 'd'), proof: true });
    bench.advance(10);
  }

  bench.hear('e', gossip, alive('e'));

  t.is(bench.gossip.get('e')?.state, 'alive');
  t.deepEqual([...bench.gossip.members()].map(({ name }) => name).sort(), ['b', 'd', 'e']);
});

test('who starts anew elsewhere with a clock set back begins after its life that is over', (t) => {
  const old = knowing('b', 'c');
  old.hear('c', gossip, { ...failed('b', 'c'), proof: true });
  old.taken();
  const young = new Bench({ name: 'b', address: 'b:2', generation: 50 });

  old.give({
    kind: 'packet',
    via: 'datagram',
    from: 'b:2',
    packet: { cluster: 0, from: 'b', generation: 50, message: gossip, updates: [] },
  });
  const [told] = old.taken();
  young.hear('a', gossip, ...(told?.packet.updates ?? []));

  t.true(young.gossip.self.generation > 100);
  t.false(young.kinds().includes('taken '));
});

test('who joins through a member that is leaving does not take it for one that stays', (t) => {
  const leaving = knowing('b', 'c');
  leaving.give({ kind: 'leave' });
  leaving.advance(2_000); // It has nothing more to pass on.
  leaving.taken();
  const young = new Bench({ name: 'n', address: 'n:1' });

  const join = { kind: 'sync', digest: 1, members: 1, join: true } as const;
  leaving.hear('n', join, alive('n'));
  for (const { packet } of leaving.taken()) young.hear('a', packet.message, ...packet.updates);

  t.is(young.gossip.get('b')?.state, 'alive');
  t.not(young.gossip.get('a')?.state, 'alive');
});

test('who is alone keeps of what it says only the latest', async (t) => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const bench = new Bench();
  const say = (): WeakRef<Uint8Array> => {
    const meta = new Uint8Array(8);
    bench.give({ kind: 'meta', meta });
    return new WeakRef(meta);
  };

  const said = [say(), say(), say()];
  await new Promise((resolve) => setImmediate(resolve)); // What a turn looks at, it keeps.
  collectGarbage();

  t.deepEqual(
    said.map((ref) => ref.deref() === undefined),
    [true, true, false],
  );
});
