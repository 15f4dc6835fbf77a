// npm run history: servers are killed under load, and what clients saw is checked; see --help.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkFile, type Findings } from './check.ts';
import { type Command, commandOf, HELP } from './command.ts';
import { NoHistory } from './line.ts';
import { reportOf } from './report.ts';
import { record } from './run.ts';

const exitCodes = { linearizable: 0, violated: 1, undecided: 3 } as const;

process.exitCode = await main();

async function main(): Promise<number> {
  let command: Command | undefined;
  try {
    command = commandOf(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\ntry: npm run history -- --help\n`);
    return 2;
  }
  if (command === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    const { check, json } = command;
    const findings = check === undefined ? await run(command) : await checkFile(check);
    process.stdout.write(json ? `${JSON.stringify(findings, null, 2)}\n` : reportOf(findings));
    return exitCodes[findings.verdict];
  } catch (error) {
    if (!(error instanceof NoHistory) && !hasCode(error)) throw error;
    progress(messageOf(error));
    return 2;
  }
}

async function run({ out, ...options }: Command): Promise<Findings> {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130); // Somebody has lost patience.
    progress('interrupted: what was recorded until now is checked');
    stop.abort(new Error('interrupted'));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  const folder = out === undefined ? await mkdtemp(join(tmpdir(), 'troupe-history-')) : undefined;
  const file = out ?? join(folder ?? '', 'history.jsonl');
  try {
    progress(`seed ${options.seed}`);
    await record({ ...options, file, signal: stop.signal, progress });
    progress('checking');
    return await checkFile(file);
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true });
  }
}

/** Of the operating system: no such file, or no right to it. */
function hasCode(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function progress(line: string): void {
  process.stderr.write(`history: ${line}\n`);
}
