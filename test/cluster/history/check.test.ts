import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Random } from '@troupe/sim';
import { checkFile, type CheckOptions, type Findings } from './check.ts';
import { type Line, NoHistory } from './line.ts';
import { reportOf } from './report.ts';

async function check(text: string, options?: CheckOptions): Promise<Findings> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-check-'));
  try {
    const file = join(folder, 'history.jsonl');
    await writeFile(file, text);
    return await checkFile(file, options);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** `client op value call return`, a line each; the value is JSON, and `-` a return that is not. */
function linesOf(key: string, rows: readonly string[]): readonly Line[] {
  return rows.map((row): Line => {
    const [client = '', op = '', value = '', call, end] = row.split(' ');
    const at = { call: Number(call), return: end === '-' ? null : Number(end) };
    const outcome = end === '-' ? 'unknown' : 'ok';
    return { client, op, key, value: JSON.parse(value) as unknown, ...at, outcome, node: 'n1' };
  });
}

/** What a run says at its end. */
const END = `${JSON.stringify({
  client: 'run',
  op: 'end',
  key: '',
  value: { seconds: 1, elections: 1, longestGapMs: 0, longestOutageMs: 0 },
  call: 0,
  return: 0,
  outcome: 'ok',
} satisfies Line)}\n`;

function textOf(lines: readonly Line[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('') + END;
}

for (const [claim, key, rows] of [
  ['a read of what was written', 'register/1', ['a write 1 0 1', 'b read 1 2 3']],
  [
    'a write of unknown outcome that is seen later',
    'register/1',
    ['a write 1 0 -', 'b read null 1 2', 'b read 1 3 4'],
  ],
  ['one that never is', 'register/1', ['a write 1 0 -', 'b read null 1 2', 'b read null 8 9']],
  [
    'a compare-and-set that had lost',
    'register/1',
    ['a write 1 0 1', 'a cas [2,3,false] 2 3', 'b cas [1,4,true] 4 5', 'a read 4 6 7'],
  ],
  [
    'appends at once, in either order',
    'list/1',
    ['a append 1 0 3', 'b append 2 1 3', 'a read [2,1] 4 5'],
  ],
  [
    'an addition that may have been made',
    'counter/1',
    ['a add 1 0 1', 'b add null 1 -', 'a read 1 2 3', 'a add 3 4 5', 'a read 3 6 7'],
  ],
  [
    'a lock that goes from hand to hand',
    'lock/1',
    ['a acquire 7 0 1', 'b acquire null 2 3', 'a release true 4 5', 'b acquire 9 6 7'],
  ],
  [
    'locks that are held one after the other, though one lost its own',
    'mutex/1',
    [
      'a hold {"token":3,"from":10,"until":null} 0 9',
      'b hold {"token":5,"from":12,"until":14} 1 8',
      'b hold null 1 8',
      'c hold {"token":9,"from":14,"until":15} 2 7',
    ],
  ],
] as const) {
  test(`nothing is wrong with ${claim}`, async (t) => {
    const findings = await check(textOf(linesOf(key, rows)));

    t.like(findings, { verdict: 'linearizable', keys: 1, violations: [] });
    t.regex(reportOf(findings), /^verdict: every key is linearizable/m);
  });
}

for (const [claim, key, rows, account] of [
  [
    'a lost write',
    'register/1',
    ['a write 1 0 1', 'a write 2 2 3', 'b read 1 4 5'],
    [
      'register/1',
      'no order explains these, whatever was before:',
      '       call ms     return ms  client   node',
      '         2.000         3.000  a        n1    write 2',
      '         4.000         5.000  b        n1    read: 1  <- this cannot be',
    ],
  ],
  [
    'a stale read',
    'register/1',
    ['a write 1 0 1', 'a write 2 2 9', 'b read 2 3 4', 'c read 1 5 6', 'a write 3 10 11'],
    [
      'register/1',
      'no order explains these, whatever was before, with or without another change:',
      '       call ms     return ms  client   node',
      '         3.000         4.000  b        n1    read: 2',
      '         5.000         6.000  c        n1    read: 1  <- this cannot be',
    ],
  ],
  [
    'a value that nobody wrote',
    'register/1',
    ['a write 1 0 1', 'b read 7 2 3'],
    [
      'register/1',
      'no order explains these, whatever was before:',
      '       call ms     return ms  client   node',
      '         0.000         1.000  a        n1    write 1',
      '         2.000         3.000  b        n1    read: 7  <- this cannot be',
    ],
  ],
  [
    'a double execution',
    'counter/1',
    ['a add 1 0 1', 'b add 2 2 3', 'a add 4 4 5', 'b read 4 6 7'],
    [
      'counter/1: it is 4 after 3 acknowledged additions and 0 in doubt',
      'no order explains these, whatever was before:',
      '       call ms     return ms  client   node',
      '         2.000         3.000  b        n1    add: 2',
      '         4.000         5.000  a        n1    add: 4  <- this cannot be',
    ],
  ],
  [
    'a lost append',
    'list/1',
    ['a append 1 0 1', 'b append 2 2 3', 'c read [2] 4 5'],
    [
      'list/1: 1, acknowledged at 1 ms, is missing at 4 ms',
      'no order explains these, with or without another change:',
      '       call ms     return ms  client   node',
      '         0.000         1.000  a        n1    append 1',
      '         4.000         5.000  c        n1    read: [2]  <- this cannot be',
    ],
  ],
  [
    'an append that was made twice',
    'list/1',
    ['a append 1 0 1', 'b read [1,1] 2 3'],
    [
      'list/1: 1 is in it twice',
      'no order explains these, with or without another change:',
      '       call ms     return ms  client   node',
      '         2.000         3.000  b        n1    read: [1 1]  <- this cannot be',
    ],
  ],
  [
    'a lock that two hold',
    'lock/1',
    ['a acquire 7 0 1', 'b acquire 9 2 3'],
    [
      'lock/1',
      'no order explains these, whatever was before:',
      '       call ms     return ms  client   node',
      '         0.000         1.000  a        n1    acquire: token 7',
      '         2.000         3.000  b        n1    acquire: token 9  <- this cannot be',
    ],
  ],
  [
    'a token that is not above the one before',
    'lock/1',
    ['a acquire 7 0 1', 'a release true 2 3', 'b acquire 6 4 5'],
    [
      'lock/1: token 6, asked for at 4 ms, is not above 7, given at 1 ms',
      'no order explains these, whatever was before, with or without another change:',
      '       call ms     return ms  client   node',
      '         0.000         1.000  a        n1    acquire: token 7',
      '         4.000         5.000  b        n1    acquire: token 6  <- this cannot be',
    ],
  ],
  [
    'a lock that somebody holds while another is certain of it',
    'mutex/1',
    ['a hold {"token":3,"from":1,"until":3} 0 9', 'b hold {"token":5,"from":2,"until":4} 1 8'],
    [
      'mutex/1',
      'no order explains these, whatever was before:',
      '       call ms     return ms  client   node',
      '         0.000         9.000  a        n1    hold: token 3, from 1 to 3  <- this cannot be',
      '         1.000         8.000  b        n1    hold: token 5, from 2 to 4',
    ],
  ],
] as const) {
  test(`${claim} is found, and told by the operations that it takes`, async (t) => {
    const findings = await check(textOf(linesOf(key, rows)));

    t.is(findings.verdict, 'violated');
    const told = reportOf(findings).split('\n');
    t.deepEqual(told.slice(told.indexOf('') + 1, -2), account);
  });
}

test('of a long history, only a few operations are told, and what was broken meanwhile', async (t) => {
  const random = new Random(7);
  const lines: Line[] = [];
  let value: number | null = null;
  for (let i = 0; i < 300; i += 1) {
    const isRead = random.chance(0.5);
    if (!isRead) value = i;
    const at = { call: 10 * i, return: 10 * i + 5 + random.integer(0, 4) };
    const op = isRead ? 'read' : 'write';
    lines.push({ client: 'a', op, key: 'register/1', value, ...at, outcome: 'ok' });
  }
  const old = lines.find(({ op, call }) => op === 'write' && call > 1_000)?.value;
  const read = { client: 'b', op: 'read', key: 'register/1', value: old, outcome: 'ok' } as const;
  lines.push({ ...read, call: 1_500, return: 1_501 });
  const kill = { client: 'faults', op: 'kill', value: null, outcome: 'ok' } as const;
  lines.push({ ...kill, key: 'n1', call: 200, return: 300 });
  lines.push({ ...kill, key: 'n2', call: 1_400, return: 1_502 });

  const findings = await check(textOf(lines));

  const [violation] = findings.violations;
  t.true((violation?.window.lines.length ?? 99) <= 4);
  t.regex(reportOf(findings), /meanwhile:\n +1400\.000 +1502\.000 +faults +kill: n2\n/);
  t.notRegex(reportOf(findings), /kill: n1/);
});

test('what the run has seen counts, and nodes in different states do', async (t) => {
  const run = { client: 'run', call: 1, return: 1, outcome: 'ok' } as const;
  const states = ['x', 'x', 'y'].map((digest, i): Line => {
    return { ...run, op: 'state', key: `n${i + 1}`, value: { index: 3, digest } };
  });
  const complaint: Line = { ...run, op: 'complaint', key: '', value: 'n2 ended by itself: exit 1' };

  const same = await check(textOf(states.slice(0, 2)));
  const different = await check(textOf(states));
  const untold = await check(textOf(states.slice(0, 1).map((line) => ({ ...line, value: null }))));
  const complained = await check(textOf([complaint]));

  t.is(same.verdict, 'linearizable');
  t.is(different.verdict, 'violated');
  t.regex(reportOf(different), /WRONG: the nodes are not in the same state .* n3 .*"y"/);
  t.is(untold.verdict, 'violated');
  t.is(complained.verdict, 'violated');
  t.regex(reportOf(complained), /WRONG: n2 ended by itself: exit 1/);
});

test('a body that nobody wrote is told, and no order explains it', async (t) => {
  const rows = ['a write 1 0 1', 'b read "1-spoiled" 2 3'];

  const findings = await check(textOf(linesOf('register/1', rows)));

  t.is(findings.verdict, 'violated');
  t.regex(reportOf(findings), /read: 1-spoiled {2}<- this cannot be/);
});

test('how many blocked leaders led on is told', async (t) => {
  const end = END.replace('"elections":1', '"elections":1,"blockedLeads":{"kept":2,"lost":1}');
  const lines = textOf(linesOf('register/1', ['a write 1 0 1'])).replace(END, end);

  t.regex(reportOf(await check(lines)), /^blocked +3 leaders on a thread, of which 2 led on$/m);
});

test('a file that is read in several passes has the same findings', async (t) => {
  const keys = Array.from({ length: 20 }, (_, i) => `register/${i}`);
  const lines = keys.flatMap((key, i) => {
    return linesOf(key, ['a write 1 0 1', `b read ${i === 13 ? 2 : 1} 2 3`]);
  });
  const { checkMs: _, ...once } = await check(textOf(lines));

  const { checkMs: __, ...often } = await check(textOf(lines), { passBytes: 200 });

  t.deepEqual(once.violated, ['register/13']);
  t.deepEqual(often, once);
});

test('a key that takes more than it is given is not decided', async (t) => {
  const rows = ['a write 1 0 9', 'b write 2 0 9', 'c write 3 0 9', 'd read 1 10 11'];

  const findings = await check(textOf(linesOf('register/1', rows)), { stepsMax: 3 });

  t.like(findings, { verdict: 'undecided', undecided: ['register/1'] });
  t.regex(reportOf(findings), /not decided: register\/1\nverdict: UNDECIDED, 1 keys/);
});

for (const [what, text, complaint] of [
  ['no JSON', 'hello\n{}\n', /line 1 .*: it is no JSON/],
  ['no object', '7\n{}\n', /line 1 .*: it is no object/],
  ['no key', '{"client":"a","op":"read"}\n', /line 1 .*: 'key' is no text/],
  [
    'an end before its beginning',
    '{"client":"a","op":"read","key":"register/1","call":2,"return":1,"outcome":"ok"}\n',
    /'return' is a number from 'call' on/,
  ],
  [
    'an unknown outcome that is known',
    '{"client":"a","op":"read","key":"register/1","call":2,"return":3,"outcome":"unknown"}\n',
    /'return' is a number from 'call' on, or null/,
  ],
  [
    'an outcome of its own',
    '{"client":"a","op":"read","key":"register/1","call":2,"return":3,"outcome":"info"}\n',
    /'outcome' is ok, fail or unknown/,
  ],
  [
    'a thing that nobody knows',
    '{"client":"a","op":"read","key":"queue/1","call":2,"return":3,"outcome":"ok"}\n',
    /nobody knows what 'queue\/1' is/,
  ],
] as const) {
  test(`a line with ${what} is no history`, async (t) => {
    await t.throwsAsync(check(text), { instanceOf: NoHistory, message: complaint });
  });
}

test('what a run that was cut off had no time to tell is not held against it', async (t) => {
  const rows = ['a write 1 0 1', 'b read 2 9000 9001', 'c read 2 20000 20001'];
  const lines = linesOf('register/1', rows);
  const early = textOf(lines.slice(0, 2)).replace(END, '');
  const late = textOf(lines).replace(END, '');

  t.is((await check(early)).verdict, 'linearizable'); // Whose write it was could still be told.
  t.is((await check(late)).verdict, 'violated');
  t.is((await check(early + END)).verdict, 'violated');
});

test('a last line that was cut off is left out', async (t) => {
  const text = textOf(linesOf('register/1', ['a write 1 0 1', 'b read 1 2 3']));

  const findings = await check(`${text.replace(END, '')}{"client":"a","op":"wri`);

  t.like(findings, { verdict: 'linearizable', outcomes: { ok: 2, fail: 0, unknown: 0 } });
  t.regex(reportOf(findings), /linearizable, of a run that was cut off$/m);
});
