import { parseArgs } from 'node:util';
import type { RunOptions } from './run.ts';
import { faultKinds } from './storm.ts';
import { mistakes, threadings } from './words.ts';

export const HELP: string = `usage: npm run history -- [options]
       npm run history -- --check FILE

Five processes with disks of their own agree, over TCP, on registers, lists, counters and locks that
clients use, while processes are killed and started again, stopped, and cut off from each other.
What clients asked for and were told is recorded, a line each, and then checked: every key must be
linearizable, nothing that was acknowledged may be lost or done twice, and in the end all processes
must be in the same state. docs/history.md says what is in the file.

  --minutes N      how long things go wrong                (default 2; fractions are allowed)
  --out FILE       where the history goes                  (default: nowhere, when it is checked)
  --check FILE     only check a history that was recorded
  --nodes N        how many processes                      (default 5, at most 9)
  --clients N      who do one thing at a time              (default 20)
  --rate N         calls a second, of all of them          (default 1000)
  --faults LIST    kill, restart, stop, block, partition, transfer, members, power
                                                           (default: all of them; '' for none)
                   restart: in good order, all of them at the end; block: a main loop computes for
                   2 s; members: some are added, removed and replaced; power: what is killed loses
                   what it has not synced, as in a power cut
  --thread WHICH   none, mixed, all: processes whose groups run on a thread of their own, mixed:
                   every second                            (default none)
  --seed N         decides what goes wrong, and what is asked for
  --mistake NAME   ${mistakes.join(', ')}:
                   made by the servers, to see it found
  --keep           leave the disks of the processes behind
  --json           print what was found as JSON
  --help

Progress goes to stderr, what was found to stdout. Ctrl-C ends all processes, and what was recorded
until then is checked. Exit code: 0 when all is well, 1 when it is not, 2 when the options are
wrong, 3 when the check could not be finished.
`;

export interface Command extends Omit<RunOptions, 'signal' | 'progress' | 'file'> {
  readonly out: string | undefined;
  readonly check: string | undefined;
  readonly json: boolean;
}

/**
 * @returns undefined when help is asked for
 * @throws when an option is wrong, with what would be right
 */
export function commandOf(args: readonly string[]): Command | undefined {
  const { values } = parseArgs({
    args: withNegatives(args),
    options: {
      minutes: { type: 'string', default: '2' },
      out: { type: 'string' },
      check: { type: 'string' },
      nodes: { type: 'string', default: '5' },
      clients: { type: 'string', default: '20' },
      rate: { type: 'string', default: '1000' },
      faults: { type: 'string', default: [...faultKinds, 'power'].join() },
      seed: { type: 'string' },
      thread: { type: 'string', default: 'none' },
      mistake: { type: 'string' },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { out, check, mistake, keep, json } = values;
  const faults = values.faults
    .split(',')
    .filter((name) => name !== '')
    .map((name) => oneOf('faults', name, [...faultKinds, 'power'] as const));
  const thread = oneOf('thread', values.thread, threadings);
  if (mistake === 'no-sync' && thread !== 'none') {
    throw new RangeError('--mistake no-sync is of a disk that no thread has: leave --thread out');
  }
  return {
    seconds: positive('minutes', values.minutes, 24 * 60) * 60,
    nodes: whole('nodes', values.nodes, 9),
    clients: whole('clients', values.clients, 1_000),
    rate: positive('rate', values.rate, 100_000),
    faults: faults.filter((name) => name !== 'power'),
    power: faults.includes('power'),
    thread,
    seed: whole('seed', values.seed ?? String((Date.now() % 1_000_000) + 1), 2 ** 32),
    mistake: mistake === undefined ? undefined : oneOf('mistake', mistake, mistakes),
    out,
    check,
    keep,
    json,
  };
}

/** `--minutes -1` as `--minutes=-1`: what it says is wrong, and not how it is said. */
function withNegatives(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const before = joined.at(-1) ?? '';
    if (/^-\d/.test(arg) && /^--\w+$/.test(before)) joined[joined.length - 1] = `${before}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

function oneOf<T extends string>(name: string, text: string, all: readonly T[]): T {
  const found = all.find((one) => one === text);
  if (found !== undefined) return found;
  throw new RangeError(`--${name} knows ${all.join(', ')}, not '${text}'`);
}

function positive(name: string, text: string, max: number): number {
  const value = Number(text);
  if (value > 0 && value <= max) return value;
  throw new RangeError(`--${name} must be above 0 and at most ${max}, not '${text}'`);
}

function whole(name: string, text: string, max: number): number {
  const value = positive(name, text, max);
  if (Number.isInteger(value)) return value;
  throw new RangeError(`--${name} must be a whole number, not '${text}'`);
}
