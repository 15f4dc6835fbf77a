import { mkdtemp, rm } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Children } from './children.ts';
import { local } from './local.ts';
import { describe, machineOf } from './machine.ts';
import { type Options, optionsOf, usage, UsageError } from './options.ts';
import { raft } from './raft.ts';
import { remote } from './remote.ts';
import { measureRounds } from './rounds.ts';
import { CannotRun, type Command, type Subject, type Suite, type Workshop } from './suite.ts';
import { resultsOf, tableOf } from './table.ts';

/** Compiling the subjects on a cold machine, or installing them. */
const PREPARE_TIMEOUT_MS = 300_000;

const suites: readonly Suite[] = [local, remote, raft];

/** @returns the exit code: 1 when a result was wrong, 2 when the arguments are */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = optionsOf(args, suites);
    if (options !== undefined) return await measure(options);
    console.log(usage(suites));
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\nnpm run bench -- --help says more.`);
    return 2;
  }
}

async function measure(options: Options): Promise<number> {
  const { suite, only, subjects, rounds, ms, warmUpMs, json } = options;
  const children = new Children();
  const scratch = await mkdtemp(join(tmpdir(), 'troupe-bench-'));
  const workshop: Workshop = {
    scratch,
    run: (file, args, cwd) => children.run({ file, args }, { cwd, timeoutMs: PREPARE_TIMEOUT_MS }),
    onProgress: (text) => console.error(text),
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    children.endAll();
    rmSync(scratch, { recursive: true, force: true });
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const chosen = suite.subjects.filter(({ name }) => subjects.includes(name));
    const commands = await prepareAll(chosen, workshop);
    const machine = await machineOf(chosen, workshop);
    const rows = await measureRounds(
      {
        benches: suite.benches.filter(({ name }) => only.includes(name)),
        commands,
        rounds,
        ms,
        warmUpMs,
      },
      children,
      workshop.onProgress,
    );
    const figures = json
      ? [machine, ...resultsOf(rows)].map((row) => JSON.stringify(row)).join('\n')
      : `\n${describe(machine)}\nrounds: ${rounds}\n\n${tableOf(rows, firstOf(suite))}`;
    console.log(figures);
    const failures = rows.filter(({ failed }) => failed);
    for (const { bench, subject, missing } of failures) {
      console.error(`FAILED: ${bench.name}, ${subject}: ${missing}`);
    }
    return failures.length > 0 ? 1 : 0;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    children.endAll();
    await rm(scratch, { recursive: true, force: true });
  }
}

function firstOf({ subjects }: Suite): string {
  return subjects[0]?.name ?? '';
}

/** One after the other: a compiler takes all cores for itself. */
async function prepareAll(
  subjects: readonly Subject[],
  workshop: Workshop,
): Promise<ReadonlyMap<string, Command | string>> {
  const commands = new Map<string, Command | string>();
  for (const { name, prepare } of subjects) {
    workshop.onProgress(`preparing ${name}`);
    try {
      commands.set(name, await prepare(workshop));
    } catch (error) {
      if (!(error instanceof CannotRun)) throw error;
      commands.set(name, error.message);
    }
  }
  return commands;
}
