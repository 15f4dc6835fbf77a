// A node in a process of its own whose main loop can be held up.
import { Actor, actor, gossip, rpc, startNode } from 'troupe';

@actor({ kind: 'busy' })
export class Busy extends Actor {
  /** Gives nothing else a turn meanwhile. */
  @rpc hold(ms: number): void {
    const end = performance.now() + ms;
    while (performance.now() < end);
  }
}

// The tests import the class; the process runs the rest.
if (process.send !== undefined && process.argv[2] !== undefined) {
  const [, , name, how, ...seeds] = process.argv;
  const membership = gossip({ seeds, thread: how === 'thread' });
  const node = await startNode({ name, listen: '127.0.0.1:0', membership, actors: [Busy] });
  node.stopOnSignals();
  process.send(node.address);
  process.disconnect(); // Or the channel would keep the process alive.
}
