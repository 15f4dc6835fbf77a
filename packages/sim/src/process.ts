import type { Env, Log, LogFields } from '@troupe/actor';
import type { Agenda, Appointment } from './agenda.ts';
import type { Random } from './random.ts';

/** 2020-01-01: what a world's wall clocks show when it begins, give or take their offsets. */
const WALL_TIME_START = Date.UTC(2020, 0, 1);

/** How a process's clocks go wrong. */
export interface ClockFault {
  /** How far its wall clock is ahead, in milliseconds. Default: 0. */
  readonly offsetMs?: number;
  /** Seconds that its clocks count in a true second, for example 1.0002. Default: 1. */
  readonly rate?: number;
}

/**
 * What a process that stood still does first when it goes on. Node.js runs the timers that fell
 * due before it reads what has arrived, so an answer that was there in time seems late.
 */
export type StallShape = 'timers-first' | 'in-order';

/** What happens to a process from outside: a timer of its own, or input for it. */
export type Happening = 'timer' | 'input';

interface Late {
  readonly what: Happening;
  readonly run: () => void;
}

export interface SimProcessOptions {
  readonly name: string;
  readonly agenda: Agenda;
  readonly random: Random;
  readonly clock: ClockFault;
  readonly onLog: (level: keyof Log, fields: LogFields, message: string) => void;
}

/**
 * One process of a world, from its start to its end: its clock, timers and randomness, and whether
 * it runs. When it stands still, all that would happen to it waits; when it has ended, nothing
 * happens to it any more, whatever it still holds.
 */
export class SimProcess {
  readonly name: string;
  readonly env: Env;
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #startedAtMs: number;
  readonly #rate: number;
  #wallOffsetMs: number;
  #state: 'running' | 'stalled' | 'ended' = 'running';
  #late: Late[] = [];

  constructor({ name, agenda, random, clock, onLog }: SimProcessOptions) {
    this.name = name;
    this.#agenda = agenda;
    this.#random = random;
    this.#startedAtMs = agenda.nowMs;
    this.#rate = clock.rate ?? 1;
    this.#wallOffsetMs = clock.offsetMs ?? 0;
    this.env = this.#makeEnv(onLog);
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Lets `run` happen to the process: now, when it goes on, or never. */
  happens(what: Happening, run: () => void): void {
    if (this.#state === 'running') run();
    else if (this.#state === 'stalled') this.#late.push({ what, run });
  }

  /** The wall clock is set, by somebody or by NTP. The monotonic clock goes on as it was. */
  setWallClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** As SIGSTOP, a long collection of garbage, or code that does not come back. */
  stall(): void {
    if (this.#state === 'running') this.#state = 'stalled';
  }

  goOn(shape: StallShape): void {
    if (this.#state !== 'stalled') return;
    this.#state = 'running';
    const late = this.#late;
    this.#late = [];
    const order =
      shape === 'in-order'
        ? late
        : [
            ...late.filter(({ what }) => what === 'timer'),
            ...late.filter((l) => l.what === 'input'),
          ];
    // One after the other, as an event loop would, and each may end or stall the process again.
    for (const { what, run } of order) this.#agenda.after(0, () => this.happens(what, run));
  }

  /** As `kill -9`. */
  end(): void {
    this.#state = 'ended';
    this.#late = [];
  }

  #makeEnv(onLog: SimProcessOptions['onLog']): Env {
    const log: Log = {
      debug: (fields, message) => onLog('debug', fields, message),
      info: (fields, message) => onLog('info', fields, message),
      warn: (fields, message) => onLog('warn', fields, message),
      error: (fields, message) => onLog('error', fields, message),
    };
    return {
      now: () => (this.#agenda.nowMs - this.#startedAtMs) * this.#rate,
      wallTime: () => WALL_TIME_START + this.#agenda.nowMs * this.#rate + this.#wallOffsetMs,
      setTimer: (delayMs, run) => this.#setTimer(delayMs / this.#rate, run),
      afterIo: (run) => void this.#setTimer(0, run),
      random: this.#random.next,
      log,
    };
  }

  #setTimer(delayMs: number, run: () => void): { cancel(): void } {
    if (this.#state === 'ended') return { cancel: () => {} };
    let cancelled = false;
    const appointment: Appointment = this.#agenda.after(delayMs, () =>
      this.happens('timer', () => {
        if (!cancelled) run(); // A late timer may be cancelled by another late one.
      }),
    );
    return {
      cancel: () => {
        cancelled = true;
        appointment.cancel();
      },
    };
  }
}
