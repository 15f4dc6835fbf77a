import type { Measured } from './programs/measure.ts';

/** What a benchmark is about: one number out of what a process measured. */
export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly of: (measured: Measured) => number;
}

/** What the first subject must reach, as a ratio to `than`, or as it stands without. */
export interface Requirement {
  readonly than?: string;
  readonly metric?: string;
  /** What of `than` it is compared with. Default: the same metric. */
  readonly against?: Metric;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Bench {
  readonly name: string;
  readonly title: string;
  /** Things in one batch; the batch's numbers are 0 … operations - 1. */
  readonly operations: number;
  /** Names of the subjects that can do it. */
  readonly subjects: readonly string[];
  readonly metrics: readonly Metric[];
  readonly required: readonly Requirement[];
  /** It takes so long that it is only run when it is named. Default: false. */
  readonly onlyNamed?: boolean;
  /** A process that takes longer has lost something and waits for it. Default: 120,000. */
  readonly timeoutMs?: number;
}

/** How to start one subject's program; `BENCH OPERATIONS MS WARM_UP_MS` is appended. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What the subjects of one run share. */
export interface Workshop {
  /** A folder for what is compiled; removed in the end. */
  readonly scratch: string;
  /** Runs a command to its end. @throws when it fails, with what it said */
  readonly run: (file: string, args: readonly string[], cwd?: string) => Promise<string>;
  /** What takes a while and is about to begin. */
  readonly onProgress: (text: string) => void;
}

export interface Subject {
  readonly name: string;
  /** The version that is measured, for the head of the table. */
  readonly version?: (workshop: Workshop) => Promise<string>;
  /** @throws {CannotRun} when something is missing on this machine */
  readonly prepare: (workshop: Workshop) => Promise<Command>;
}

export class CannotRun extends Error {
  override readonly name = 'CannotRun';
}

export interface Suite {
  readonly name: string;
  readonly about: string;
  /** How long each subject does what is measured before it is. */
  readonly warmUpMs: number;
  /** The first one is what the others are compared with. */
  readonly subjects: readonly Subject[];
  readonly benches: readonly Bench[];
}

export function perSecond(things: string): Metric {
  return {
    name: 'throughput',
    unit: `${things}/s`,
    better: 'more',
    of: ({ operations, ns }) => operations / (ns / 1e9),
  };
}

/** Counted once, although an echo carries them twice. */
export function megabytesPerSecond(bytes: number): Metric {
  return {
    name: 'throughput',
    unit: 'MB/s',
    better: 'more',
    of: ({ operations, ns }) => (operations * bytes) / 1e6 / (ns / 1e9),
  };
}

export const medianOfEach: Metric = {
  name: 'time',
  unit: 'ns',
  better: 'less',
  of: ({ medianNs = Number.NaN }) => medianNs,
};

export const worstOfEach: Metric = {
  name: 'worst',
  unit: 'ns',
  better: 'less',
  of: ({ worstNs = Number.NaN }) => worstNs,
};

export const timeEach: Metric = {
  name: 'time',
  unit: 'ns',
  better: 'less',
  of: ({ operations, ns }) => ns / operations,
};

export const timeInAll: Metric = {
  name: 'time',
  unit: 'ns',
  better: 'less',
  of: ({ ns }) => ns,
};

export const bytesEach: Metric = {
  name: 'memory',
  unit: 'B',
  better: 'less',
  of: ({ operations, bytes = Number.NaN }) => bytes / operations,
};

export const bytesInAll: Metric = {
  name: 'memory',
  unit: 'B',
  better: 'less',
  of: ({ bytes = Number.NaN }) => bytes,
};
