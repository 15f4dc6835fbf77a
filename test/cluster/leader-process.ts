// A node in a process of its own that takes part in a group, and whose main loop can be held up.
import { Actor, actor, command, Machine, type Node, rpc, startNode } from 'troupe';

export class Sum extends Machine {
  total = 0;
  @command add(by: number): number {
    return (this.total += by);
  }
}

let running: Node | undefined;

@actor({ kind: 'member' })
export class Member extends Actor {
  /** Gives nothing else a turn meanwhile. */
  @rpc hold(ms: number): void {
    const end = performance.now() + ms;
    while (performance.now() < end);
  }
  @rpc async add(by: number): Promise<number> {
    if (running === undefined) throw new Error('no node runs here');
    return (await running.replicated(Sum, 'sum')).add(by);
  }
  /** Who leads, and since which epoch, as far as is known here. */
  @rpc lead(): string {
    const { leader, epoch } = running?.consensus.get('sum')?.status() ?? {};
    return `${leader} since ${epoch}`;
  }
  @rpc async give(to: string): Promise<void> {
    await running?.consensus.get('sum')?.transferLeadership(to);
  }
}

// The tests import the classes; the process runs the rest.
if (process.send !== undefined && process.argv[2] !== undefined) {
  const [, , name, how, data = '', ...join] = process.argv;
  running = await startNode({
    name,
    listen: '127.0.0.1:0',
    join,
    actors: [Member],
    data,
    consensus: {
      voters: ['a', 'b', 'c'],
      tickMs: 50,
      ...(how === 'loop' && { thread: false }),
    },
  });
  await running.replicated(Sum, 'sum');
  process.send(running.address);
  process.disconnect(); // Or the channel would keep the process alive.
}
