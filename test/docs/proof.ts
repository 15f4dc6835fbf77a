import { deepStrictEqual } from 'node:assert/strict';

/**
 * Used by the programs that the docs test makes. A claim that is never reached is as bad as one
 * that does not hold: the program fails when it ends.
 * @param claims the lines of the document that have one
 */
export function proof(
  claims: readonly number[],
): (line: number, actual: unknown, expected: unknown) => void {
  const left = new Set(claims);
  process.on('exit', (code) => {
    if (code !== 0 || left.size === 0) return;
    process.stderr.write(`never reached: the claims of the lines ${[...left].join(', ')}\n`);
    process.exitCode = 1;
  });
  return (line, actual, expected) => {
    deepStrictEqual(actual, expected);
    left.delete(line);
  };
}
