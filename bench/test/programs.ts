import type { Bench, Command } from '../dist/suite.js';
import { timeEach } from '../dist/suite.js';

/** Numbers 0 … 9 sum up to 45. */
export function sampleBench(fields: Partial<Bench> = {}): Bench {
  return {
    name: 'sample',
    title: 'a sample',
    operations: 10,
    subjects: ['troupe', 'peer'],
    metrics: [timeEach],
    required: [],
    ...fields,
  };
}

/** A program that prints `measured`, whatever it is asked for. */
export function printing(measured: object): Command {
  return running(`console.log(${JSON.stringify(JSON.stringify(measured))})`);
}

/** A program that runs `code`. */
export function running(code: string): Command {
  return { file: process.execPath, args: ['-e', code] };
}
