import type { Findings, Violation } from './check.ts';
import type { Line } from './line.ts';
import type { Figures } from './run.ts';
import { thingOf } from './things.ts';

/** Of one window; the first ones are left out of a longer one. */
const LINES_MAX = 40;
/** That are named. */
const KEYS_MAX = 20;

/** For a person who wants to know what was found, and whether it is good. */
export function reportOf(findings: Findings): string {
  const { violations, violated, undecided, complaints, faults } = findings;
  return [
    ...summaryOf(findings),
    ...complaints.map((complaint) => `WRONG: ${complaint}`),
    ...violations.flatMap((violation) => ['', ...accountOf(violation, faults)]),
    ...(violated.length > violations.length ? ['', `no order for: ${some(violated)}`] : []),
    ...(undecided.length > 0 ? [`not decided: ${some(undecided)}`] : []),
    verdictOf(findings),
    '',
  ].join('\n');
}

function verdictOf({ verdict, violated, undecided, complaints, end }: Findings): string {
  const early = end === undefined ? ', of a run that was cut off' : '';
  switch (verdict) {
    case 'linearizable':
      return `verdict: every key is linearizable${early}`;
    case 'violated':
      return `verdict: VIOLATED, ${violated.length} keys and ${complaints.length} other things`;
    case 'undecided':
      return `verdict: UNDECIDED, ${undecided.length} keys take more than they are given`;
  }
}

function summaryOf({ keys, outcomes, checkMs, begin, end, faults }: Findings): readonly string[] {
  const { ok, fail, unknown } = outcomes;
  const checked = `${keys} keys in ${seconds(checkMs)}`;
  const rows = [
    ['run', begin === undefined ? 'unknown' : JSON.stringify(begin)],
    ['operations', `${ok + fail + unknown}: ok ${ok}, fail ${fail}, unknown ${unknown}`],
    ['faults', tally(faults)],
    ...figuresOf(end),
    ['checked', checked],
  ];
  return rows.map(([name = '', value]) => `${name.padEnd(12)}${value}`);
}

function figuresOf(end: unknown): readonly (readonly string[])[] {
  if (end === undefined) return [];
  const { elections, longestGapMs, longestOutageMs, blockedLeads, ...rest } = end as Figures;
  const { kept, lost } = blockedLeads ?? { kept: 0, lost: 0 };
  const outage = `${seconds(longestOutageMs)} while a majority could talk`;
  return [
    ['time', `${Math.round(rest.seconds)} s, ${elections} elections`],
    ...(kept + lost > 0
      ? [['blocked', `${kept + lost} leaders on a thread, of which ${kept} led on`]]
      : []),
    ['no change', `for ${seconds(longestGapMs)} at the longest, ${outage}`],
  ];
}

/** What has no order, and what else happened just then. */
function accountOf({ key, sum, window }: Violation, faults: readonly Line[]): readonly string[] {
  const thing = thingOf(key);
  const known = window.lines.filter((line) => line.return !== null);
  const lines = known.toSorted((a, b) => a.call - b.call);
  const doubtful = window.lines.length - known.length;
  const shown = lines.slice(-LINES_MAX);
  const from = shown[0]?.call ?? 0;
  const to = Math.max(...known.map((line) => line.return ?? 0));
  const before = window.fromAnywhere ? ', whatever was before' : '';
  const others = doubtful === 1 ? 'another change' : `${doubtful} other changes`;
  const beside = doubtful === 0 ? '' : `, with or without ${others}`;
  const rows = shown.map((line) => {
    const mark = line.return === to ? '  <- this cannot be' : '';
    return `${rowOf(line, thing?.tell(line) ?? line.op)}${mark}`;
  });
  const meanwhile = faults.filter((fault) => fault.call <= to && (fault.return ?? to) >= from);
  return [
    `${key}${sum === undefined ? '' : `: ${sum}`}`,
    `no order explains these${before}${beside}:`,
    `${'call ms'.padStart(14)}${'return ms'.padStart(14)}  ${'client'.padEnd(9)}node`,
    ...(lines.length > shown.length ? [`  (and ${lines.length - shown.length} earlier)`] : []),
    ...rows,
    ...(meanwhile.length > 0 ? ['meanwhile:'] : []),
    ...meanwhile.map((fault) => rowOf(fault, `${fault.op}: ${fault.key}`)),
  ];
}

function rowOf({ client, node = '', call, return: end }: Line, text: string): string {
  const times = [call, end].map((at) => (at === null ? '-' : at.toFixed(3)).padStart(14));
  return `${times.join('')}  ${client.padEnd(9)}${node.padEnd(6)}${text}`;
}

function some(keys: readonly string[]): string {
  const more = keys.length > KEYS_MAX ? `, and ${keys.length - KEYS_MAX} more` : '';
  return keys.slice(0, KEYS_MAX).join(' ') + more;
}

function tally(faults: readonly Line[]): string {
  const counts = new Map<string, number>();
  for (const { op } of faults) {
    const kind = op.replace(/,.*/, '');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const text = [...counts].map(([kind, count]) => `${kind} ${count}`);
  return `${faults.length}${text.length === 0 ? '' : `: ${text.join(', ')}`}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
