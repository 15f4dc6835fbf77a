import { Actor, actor, type EntityRef, rpc } from '@troupe/actor';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import { type Node, type NodeOptions, startNode } from '@troupe/cluster';
import { MemoryNetwork } from '@troupe/remote';

@actor({ kind: 'counter' })
export class Counter extends Actor {
  #count = 0;
  @rpc add(by: number): number {
    return (this.#count += by);
  }
  @rpc name(): string {
    return this.key;
  }
  @rpc where(): string {
    return String(this.self());
  }
  @rpc forward(to: EntityRef<Counter>, by: number): Promise<number> {
    return to.add(by);
  }
  @rpc addAt(key: string, by: number): Promise<number> {
    return this.entity(Counter, key).add(by);
  }
  @rpc end(): void {
    this.stop();
  }
  @rpc echo(bytes: Uint8Array): Uint8Array {
    return bytes;
  }
}

@actor({ kind: 'broken' })
export class Broken extends Actor {
  constructor() {
    super();
    throw new Error('no licence');
  }
  @rpc ping(): void {}
}

/** Nodes of one test on a network in memory, in virtual time. */
export class TestCluster {
  readonly env: VirtualEnv = virtualEnv();
  readonly network: MemoryNetwork = new MemoryNetwork();
  readonly #actors: readonly (new () => Actor)[];

  constructor(actors: readonly (new () => Actor)[] = [Counter, Broken]) {
    this.#actors = actors;
  }

  /** All nodes join node a. */
  async node(name: string, options: NodeOptions = {}): Promise<Node> {
    const starting = startNode({
      name,
      listen: `${name}:1`,
      join: name === 'a' ? [] : ['a:1'],
      actors: this.#actors,
      env: this.env,
      transport: this.network.transport(name),
      ...options,
    });
    await this.env.settled();
    return starting;
  }

  async nodes(...names: readonly string[]): Promise<readonly Node[]> {
    const nodes: Node[] = [];
    for (const name of names) nodes.push(await this.node(name));
    await this.env.advance(3_000); // Everybody has heard from everybody.
    return nodes;
  }

  /** As `kill -9` does: no goodbye, connections broken, the address refuses. */
  kill(name: string): void {
    this.network.crash(name);
  }
}

/** A key whose entity is placed on the given node. */
export function keyOn(node: Node, owner: string, of: new () => Actor = Counter): string {
  for (let i = 0; ; i += 1) {
    if (node.ownerOf(of, `key-${i}`)?.name === owner) return `key-${i}`;
  }
}
