// A node in a process of its own, which ends as any server does: by a signal.
import { Actor, actor, rpc, startNode } from 'troupe';

@actor({ kind: 'counter' })
export class Counter extends Actor {
  #count = 0;
  @rpc add(by: number): number {
    return (this.#count += by);
  }
  @rpc pid(): number {
    return process.pid;
  }
  /** Takes its time, and says when it has begun. */
  @rpc async work(begun: { send(value: true): unknown }, ms: number): Promise<string> {
    await begun.send(true);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return 'done';
  }
}

// The tests import the class; the process runs the rest.
if (process.send !== undefined && process.argv[2] !== undefined) {
  const [, , name, ...join] = process.argv;
  const node = await startNode({ name, listen: '127.0.0.1:0', join, actors: [Counter] });
  node.stopOnSignals();
  process.send(node.address);
  process.disconnect(); // Or the channel would keep the process alive.
}
