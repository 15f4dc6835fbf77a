// The node that hostile bytes are thrown at, in a process of its own: what it spends is its alone.
import { Actor, actor, type Log, type LogFields, processEnv, rpc, startNode } from 'troupe';

@actor({ kind: 'counter' })
export class Counter extends Actor {
  #count = 0;
  @rpc add(by: number): number {
    return (this.#count += by);
  }
  secret(): void {}
}

/** What the node has done since it was last asked. */
export interface Doings {
  readonly processorMs: number;
  /** All it has logged. */
  readonly logged: readonly string[];
}

class Kept implements Log {
  lines: string[] = [];
  debug(): void {}
  info(): void {}
  warn(fields: LogFields, message: string): void {
    this.lines.push(`${message}: ${JSON.stringify(fields)}`);
  }
  error(fields: LogFields, message: string): void {
    this.lines.push(`${message}: ${String(fields['error'])}`);
  }
}

// The test imports the class; the process runs the rest.
if (process.send !== undefined && process.argv.includes('--serve')) {
  const log = new Kept();
  const env = processEnv({ log });
  const node = await startNode({ name: 'target', listen: '127.0.0.1:0', actors: [Counter], env });
  let before = process.cpuUsage();
  process.on('message', () => {
    const { user, system } = process.cpuUsage(before);
    const doings: Doings = { processorMs: (user + system) / 1_000, logged: log.lines };
    log.lines = [];
    before = process.cpuUsage();
    process.send?.(doings);
  });
  process.on('disconnect', () => process.exit());
  process.send(node.address);
}
