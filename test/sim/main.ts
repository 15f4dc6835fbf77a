import { runCoordination } from './coordination/command.ts';
import { runGossip } from './gossip/command.ts';
import { runInterval } from './gossip/interval-command.ts';
import { runRaft } from './raft/command.ts';

const usage = `npm run sim -- raft|coordination|gossip|interval [options]

Runs simulated worlds of one protocol, or Lifeguard's Interval experiment on gossip; --help after
the name tells its options.`;

const [protocol, ...args] = process.argv.slice(2);
const output = { write, progress };

try {
  process.exitCode = await run();
} catch (error) {
  if (!isWrongOption(error)) throw error;
  progress(`${error.message}\ntry: npm run sim -- ${protocol} --help`);
  process.exitCode = 2;
}

/** @returns the exit code */
async function run(): Promise<number> {
  switch (protocol) {
    case 'raft':
      return runRaft(args, output);
    case 'coordination':
      return runCoordination(args, output);
    case 'gossip':
      return runGossip(args, output);
    case 'interval':
      return runInterval(args, output);
    case '--help':
      write(usage);
      return 0;
    default:
      progress(usage);
      return 2;
  }
}

/** As `parseArgs` says it. */
function isWrongOption(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE');
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** For people who wait; what is piped on stays clean. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
