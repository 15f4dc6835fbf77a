import { type ClaimStep, NameClaim } from '@troupe/gossip';
import type { Stage } from './stage.ts';
import type { Process, World } from './world.ts';

/** For answers of all that can answer: here nobody knows when no more will come. */
const ANSWERED_AFTER_MS = 1_500;

/** Claims the name of a process as the node does that starts with it. */
export class Claimant {
  readonly #world: World;
  readonly process: Process;
  readonly #seeds: readonly string[];
  readonly #claim = new NameClaim();
  #askedAtMs: number;
  /** What has become of the claim. */
  step: ClaimStep = { kind: 'ask' };

  /** @param process which has just called `seeds` for the first time */
  constructor(world: World, process: Process, seeds: readonly string[]) {
    this.#world = world;
    this.process = process;
    this.#seeds = seeds;
    this.#askedAtMs = world.nowMs;
    world.observers.push({
      onEvent: (at, event) => {
        if (at !== process || event.kind !== 'taken' || this.isDecided) return;
        this.#claim.refused(world.nowMs, event);
        world.agenda.after(0, () => this.#goOn());
      },
    });
    world.agenda.after(ANSWERED_AFTER_MS, () => this.#goOn());
  }

  get isDecided(): boolean {
    return this.step.kind === 'free' || this.step.kind === 'taken';
  }

  #goOn(): void {
    if (this.isDecided) return;
    const { nowMs, agenda } = this.#world;
    const { gossip } = this.process;
    const isAnswered = nowMs >= this.#askedAtMs + ANSWERED_AFTER_MS;
    const isTakenIn = [...gossip.members()].some(({ state }) => state === 'alive');
    const step = this.#claim.next(nowMs, { isAnswered, isTakenIn });
    this.step = step;
    if (step.kind === 'wait' && step.untilMs !== Infinity) {
      agenda.after(step.untilMs - nowMs, () => this.#goOn());
    }
    if (step.kind === 'taken') this.#world.kill(this.process); // As its node does.
    if (step.kind !== 'ask') return;
    this.#askedAtMs = nowMs;
    this.#world.input(this.process, { kind: 'join', seeds: this.#seeds });
    this.#goOn();
  }
}

/**
 * Starts a second process with the name of one, elsewhere, which claims it.
 * @param silent addresses that it calls before all others, where nobody is
 */
export function claimNameOf(
  { name }: Process,
  stage: Stage,
  silent: readonly string[] = [],
): Claimant {
  const { world } = stage;
  const others = world.running.filter((process) => process.name !== name);
  const seeds = [...silent, ...others.map(({ address }) => address)];
  const second = stage.startOne(name, { address: `${name}:77`, key: `${name} again`, seeds });
  return new Claimant(world, second, seeds);
}
