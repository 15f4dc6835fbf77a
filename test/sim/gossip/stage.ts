import type { GossipOptions } from '@troupe/gossip';
import type { Random } from '@troupe/sim';
import { Broken, Specification } from './specification.ts';
import { type GossipClass, type Process, type StartOptions, World } from './world.ts';

/** One way in which things go wrong, drawn anew for each seed. */
export interface Scenario {
  readonly name: string;
  /** A claim. */
  readonly title: string;
  /** @throws {Broken} when the claim does not hold */
  run(stage: Stage): void;
}

/** Members that have found each other, watched for all that no core may do. */
export class Stage {
  readonly world: World;
  readonly random: Random;
  readonly specification: Specification;

  constructor(seed: number, Gossip: GossipClass) {
    this.world = new World({ seed, Gossip, profile: 'lan', asBytes: seed % 4 === 0 });
    this.random = this.world.random.fork('scenario');
    this.specification = new Specification(this.world, { membersMax: 200 });
  }

  /** Starts `count` members, and waits until all know all and a while longer. */
  start(count: number, options: Partial<GossipOptions> = {}): void {
    const { world } = this;
    for (let i = 0; i < count; i += 1) this.startOne(`n${i}`, options);
    const isWhole = (): boolean => this.specification.converged(world.running) === undefined;
    const found = world.runUntil(isWhole, { limitMs: 20_000 });
    if (!found) this.fail('the members do not find together');
    world.run(this.random.integer(2_000, 6_000));
  }

  startOne(name: string, options: Partial<GossipOptions & StartOptions> = {}): Process {
    return this.world.start(name, { seeds: ['n0:1', 'n1:1'], ...options });
  }

  fail(what: string): never {
    throw new Broken(`at ${this.world.nowMs.toFixed(0)} ms: ${what}`);
  }
}

/** Ends well: all that run see each other and nobody else, within `limitMs`. */
export function settles(stage: Stage, limitMs: number): void {
  const { world, specification } = stage;
  let why: string | undefined;
  const holds = (): boolean => {
    why = specification.converged(world.running);
    return why === undefined;
  };
  if (!world.runUntil(holds, { limitMs, everyMs: 250 })) {
    stage.fail(`after ${limitMs} ms ${why ?? ''}`);
  }
}

export function some(stage: Stage, count: number): Process[] {
  return stage.random.shuffled(stage.world.running).slice(0, count);
}

export function healthyBut(stage: Stage, sick: readonly Process[]): void {
  stage.specification.healthy.clear();
  const { healthy } = stage.specification;
  for (const { gossip } of stage.world.running) healthy.add(gossip.self.generation);
  for (const { gossip } of sick) healthy.delete(gossip.self.generation);
}

/** @returns what went wrong; undefined when nothing did */
export function failureOf(
  scenario: Scenario,
  seed: number,
  Gossip: GossipClass,
): string | undefined {
  try {
    scenario.run(new Stage(seed, Gossip));
    return undefined;
  } catch (error) {
    if (error instanceof Broken) return error.message;
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
