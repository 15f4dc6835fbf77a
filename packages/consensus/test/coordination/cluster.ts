import { type Coordination, type CoordinationOptions, openCoordination } from '@troupe/consensus';
import { TestWorld } from '../world.ts';

/** Nodes a, b and c, or as many as are asked for, which coordinate, in virtual time. */
export class TestCluster extends TestWorld {
  readonly voters: readonly string[];
  readonly #given: CoordinationOptions;
  readonly #nodes = new Map<string, Coordination>();

  private constructor(voters: readonly string[], given: CoordinationOptions) {
    super();
    this.voters = voters;
    this.#given = given;
  }

  static async start(
    options: CoordinationOptions = {},
    voters: readonly string[] = ['a', 'b', 'c'],
  ): Promise<TestCluster> {
    const cluster = new TestCluster(voters, options);
    await cluster.settle(Promise.all(voters.map((node) => cluster.join(node))));
    await cluster.settle(cluster.at(voters[0] ?? '').group.read());
    return cluster;
  }

  async join(node: string): Promise<Coordination> {
    const { voters, env } = this;
    const options = { env, voters, ttlMs: 1_000, keepEntries: 1, ...this.#given };
    const coordination = await openCoordination(this.engine(node), options);
    this.#nodes.set(node, coordination);
    return coordination;
  }

  at(node: string): Coordination {
    const coordination = this.#nodes.get(node);
    if (coordination === undefined) throw new Error(`no node ${node}`);
    return coordination;
  }

  /** Of three nodes, who leads, and two who do not. */
  get ranks(): { readonly leader: string; readonly holder: string; readonly other: string } {
    const leader = this.voters.find((node) => this.at(node).group.status().role === 'leader');
    const [holder, other] = this.voters.filter((node) => node !== leader);
    if (leader !== undefined && holder !== undefined && other !== undefined) {
      return { leader, holder, other };
    }
    throw new Error('nobody leads, or there are no three');
  }

  override async crash(node: string): Promise<void> {
    this.#nodes.delete(node);
    await super.crash(node);
  }

  /** Lets time go by until `holds` does. */
  async until(holds: () => boolean): Promise<void> {
    for (let waited = 0; !holds(); waited += 10) {
      if (waited > 60_000) throw new Error('not so after a minute');
      await this.env.advance(10);
    }
  }
}
