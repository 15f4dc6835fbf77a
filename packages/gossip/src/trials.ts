import type { Core } from './core.ts';
import type { Member } from './member.ts';
import { learn } from './news.ts';
import type { Probes } from './probes.ts';

const TRIALS_MAX = 64;
/** Others that must be refused too, where there are as many. */
const WITNESSES = 2;
const WITNESSES_ASKED = 3;

interface Trial {
  readonly member: Member;
  readonly generation: number;
  readonly sequence: number;
  readonly witnesses: readonly Member[];
  readonly refused: Set<string>;
  readonly endsAtMs: number;
}

/**
 * Evidence that is better than silence: a process that has ended makes its host refuse and reset.
 * One refusal may be a firewall's, so others are asked to try; when they are refused as well, the
 * member has failed without any suspicion. A live one whose listener is closed objects, and its
 * refusals prove nothing any more.
 */
export class Trials {
  readonly #core: Core;
  readonly #probes: Probes;
  readonly #trials = new Map<number, Trial>();
  #sequence = 0;

  constructor(core: Core, probes: Probes) {
    this.#core = core;
    this.#probes = probes;
  }

  /** A connection to `member` broke: see at once what its address says. */
  onReset(member: Member): void {
    if (member.isPresent) this.#probes.start(member, { byStream: true });
  }

  onRefused(member: Member): void {
    if (member.isPresent && member.wasConvicted) return;
    this.#probes.onRefused(member.name);
    if (!member.isPresent || this.#isTried(member) || this.#trials.size >= TRIALS_MAX) return;
    const { roster, nowMs, settings } = this.#core;
    const skip = (other: Member): boolean => other === member || other.state !== 'alive';
    const witnesses = roster.some(WITNESSES_ASKED, skip);
    const trial: Trial = {
      member,
      generation: member.generation,
      // Of the upper half, so that an answer to a trial is none to a probe.
      sequence: 2 ** 31 + (this.#sequence = (this.#sequence + 1) % 2 ** 30),
      witnesses,
      refused: new Set(),
      endsAtMs: nowMs + settings.probeTimeoutMs,
    };
    if (witnesses.length === 0) return this.#convict(trial);
    this.#trials.set(trial.sequence, trial);
    for (const witness of witnesses) {
      this.#core.send(witness.address, {
        kind: 'ping-request',
        sequence: trial.sequence,
        target: member.name,
        address: member.address,
        generation: member.generation,
        deadlineMs: settings.probeTimeoutMs,
        verify: true,
      });
    }
  }

  /** A witness was refused too. */
  onWitness(name: string, sequence: number): void {
    const trial = this.#trials.get(sequence);
    if (trial === undefined) return;
    trial.refused.add(name);
    if (trial.refused.size >= Math.min(WITNESSES, trial.witnesses.length)) this.#convict(trial);
  }

  /** A witness got an answer. */
  onAck(sequence: number): void {
    this.#trials.delete(sequence);
  }

  get dueAtMs(): number {
    let due = Infinity;
    for (const { endsAtMs } of this.#trials.values()) due = Math.min(due, endsAtMs);
    return due;
  }

  /** Nobody is judged by what was not heard while this member was held up. */
  forget(): void {
    this.#trials.clear();
  }

  tick(): void {
    for (const [sequence, trial] of this.#trials) {
      if (this.#core.nowMs < trial.endsAtMs) continue;
      // Witnesses that are accused or on trial themselves are not waited for.
      const isAble = (other: Member): boolean => other.state === 'alive' && !this.#isTried(other);
      const able = trial.witnesses.filter(isAble).length;
      if (trial.refused.size >= Math.min(WITNESSES, able)) this.#convict(trial);
      this.#trials.delete(sequence);
    }
  }

  #isTried(member: Member): boolean {
    for (const trial of this.#trials.values()) if (trial.member === member) return true;
    return false;
  }

  #convict({ member, generation, sequence }: Trial): void {
    this.#trials.delete(sequence);
    if (member.generation !== generation || !member.isPresent) return;
    const { name, incarnation } = member;
    const by = this.#core.self.name;
    learn(this.#core, { kind: 'failed', name, generation, incarnation, by, proof: true });
  }
}
