import { runGossip } from './gossip/command.ts';
import { runInterval } from './gossip/interval-command.ts';
import { runRaft } from './raft/command.ts';

const usage = `npm run sim -- raft|gossip|interval [options]

Runs simulated worlds of one protocol, or Lifeguard's Interval experiment on gossip; --help after
the name tells its options.`;

const [protocol, ...args] = process.argv.slice(2);
const output = { write, progress };

switch (protocol) {
  case 'raft':
    process.exitCode = await runRaft(args, output);
    break;
  case 'gossip':
    process.exitCode = await runGossip(args, output);
    break;
  case 'interval':
    process.exitCode = runInterval(args, output);
    break;
  case '--help':
    write(usage);
    break;
  default:
    progress(usage);
    process.exitCode = 2;
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** For people who wait; what is piped on stays clean. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
