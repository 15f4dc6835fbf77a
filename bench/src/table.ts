import { amount, digits, type Spread, spreadOf } from './statistics.ts';
import type { Row } from './rounds.ts';
import type { Bench, Metric, Requirement } from './suite.ts';

/** One line of `--json`. */
export interface Result extends Spread {
  readonly bench: string;
  readonly subject: string;
  readonly metric: string;
  readonly unit: string;
}

export interface Missing {
  readonly bench: string;
  readonly subject: string;
  readonly missing: string;
}

export function resultsOf(rows: readonly Row[]): (Result | Missing)[] {
  return rows.flatMap(({ bench, subject, rounds, missing }): (Result | Missing)[] => {
    if (missing !== undefined) return [{ bench: bench.name, subject, missing }];
    return bench.metrics.map((metric) => ({
      bench: bench.name,
      subject,
      metric: metric.name,
      unit: metric.unit,
      ...spreadOf(rounds.map(metric.of)),
    }));
  });
}

/** A table in Markdown, to be read as it is. `first` is the subject that is compared. */
export function tableOf(rows: readonly Row[], first: string): string {
  const head = ['', 'median', 'min … max', `${first} ÷ it`, 'required', 'reached'];
  const lines = rows.flatMap((row, at) => {
    const isNew = rows[at - 1]?.bench !== row.bench;
    const title = [`**${titleOf(row.bench)}**`, '', '', '', '', ''];
    return [...(isNew ? [title] : []), ...linesOf(row, rows, first)];
  });
  return aligned([head, ...lines]);
}

/** Times and sizes bear their unit in each cell; rates would repeat it. */
function titleOf({ title, metrics }: Bench): string {
  const rate = metrics.find(({ unit }) => unit.endsWith('/s'));
  return rate === undefined ? title : `${title}, ${rate.unit}`;
}

function linesOf(row: Row, rows: readonly Row[], first: string): string[][] {
  const { bench, subject, missing } = row;
  if (missing !== undefined) {
    const required = bench.required.find(({ than }) => than === subject);
    return [[subject, `cannot run: ${missing}`, '', '', required ? boundOf(required) : '', '']];
  }
  return bench.metrics.map((metric) => {
    const spread = spreadOf(row.rounds.map(metric.of));
    const own = rows.find((other) => other.bench === bench && other.subject === first);
    const compared = own === undefined || own.missing !== undefined || subject === first;
    const required = bench.required.find(
      ({ than = first, metric: name = metric.name }) => than === subject && name === metric.name,
    );
    const { against = metric } = required ?? {};
    const ratio = compared ? undefined : medianOf(own, metric) / medianOf(row, against);
    return [
      bench.metrics.length > 1 ? `${subject}, ${metric.name}` : subject,
      amount(spread.median, metric.unit),
      `${amount(spread.min, metric.unit)} … ${amount(spread.max, metric.unit)}`,
      ratio === undefined ? '' : `${digits(ratio)} ×`,
      required === undefined ? '' : boundOf(required, subject === first ? metric : undefined),
      required === undefined
        ? ''
        : verdict(required, ratio ?? spread.median, {
            comparable: ratio !== undefined || subject === first,
          }),
    ];
  });
}

function medianOf({ rounds }: Row, metric: Metric): number {
  return spreadOf(rounds.map(metric.of)).median;
}

function boundOf({ atLeast, atMost = Infinity, against }: Requirement, metric?: Metric): string {
  const [sign, bound] = atLeast === undefined ? ['≤', atMost] : ['≥', atLeast];
  if (metric === undefined) return `${sign} ${bound} ×${against ? ` its ${against.name}` : ''}`;
  return `${sign} ${amount(bound, metric.unit).replace(/\.0+(?= |$)/, '')}`;
}

function verdict(
  { atLeast = -Infinity, atMost = Infinity }: Requirement,
  value: number,
  { comparable }: { readonly comparable: boolean },
): string {
  if (!comparable) return '';
  return value >= atLeast && value <= atMost ? 'yes' : '**no**';
}

function aligned(lines: readonly (readonly string[])[]): string {
  const [head = [], ...body] = lines;
  const widths = head.map((_, at) => {
    const cells = lines.filter((line) => !(line[at] ?? '').startsWith('cannot run'));
    return Math.max(3, ...cells.map((line) => Array.from(line[at] ?? '').length));
  });
  const row = (line: readonly string[]): string =>
    `| ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [row(head), rule, ...body.map(row)].join('\n');
}
