import test from 'ava';
import { local } from '../dist/local.js';
import { raft } from '../dist/raft.js';
import { optionsOf, UsageError } from '../dist/options.js';

test('a suite alone means all of it, five times', (t) => {
  const options = optionsOf(['local'], [local]);

  t.like(options, { suite: local, rounds: 5, warmUpMs: local.warmUpMs, json: false });
  t.deepEqual(
    options?.only,
    local.benches.map(({ name }) => name),
  );
  t.deepEqual(
    options?.subjects,
    local.subjects.map(({ name }) => name),
  );
});

test('a choice keeps the order of the suite', (t) => {
  const options = optionsOf(
    [
      'local',
      '--only',
      'select-4,tell',
      '--subjects',
      'go,troupe',
      '--rounds',
      '7',
      '--warm-up',
      '3',
      '--json',
    ],
    [local],
  );

  t.like(options, {
    only: ['tell', 'select-4'],
    subjects: ['troupe', 'go'],
    rounds: 7,
    warmUpMs: 3,
    json: true,
  });
});

test('what takes long is only done when it is named', (t) => {
  const byDefault = optionsOf(['raft'], [raft]);
  const named = optionsOf(['raft', '--only', 'failover'], [raft]);

  t.false(byDefault?.only.includes('failover'));
  t.true(byDefault?.only.includes('latency'));
  t.deepEqual(named?.only, ['failover']);
});

test('who asks for help gets no run', (t) => {
  t.is(optionsOf(['local', '--help'], [local]), undefined);
});

const refuses = test.macro({
  title: (_, args: string) => `'${args}' is refused with what would be right`,
  exec(t, args: string, message: RegExp) {
    t.throws(() => optionsOf(args.split(' '), [local]), { instanceOf: UsageError, message });
  },
});

test(refuses, 'locale', /one suite of local is needed, not 'locale'/);
test(refuses, '--json', /one suite of local is needed, not none/);
test(refuses, 'local remote', /one suite of local is needed, not 'local remote'/);
test(refuses, 'local --only tel', /--only takes some of tell, .*, not 'tel'/);
test(refuses, 'local --subjects rust', /--subjects takes some of troupe, .*, not 'rust'/);
test(refuses, 'local --rounds 0', /--rounds must be 1 … 100, not '0'/);
test(refuses, 'local --ms 1.5', /--ms must be 1 … 10000, not '1.5'/);
test(refuses, 'local --fast', /'--fast'/);
