import type { Line } from './line.ts';

/**
 * What is wrong with a key that can be said in a sentence: an acknowledged change that is gone or
 * was made twice, or a fencing token that is not greater than one before.
 */
export function sumsOf(key: string, lines: readonly Line[]): string | undefined {
  const done = lines.filter(({ outcome }) => outcome !== 'fail');
  if (key.startsWith('counter')) return countedWrong(done);
  if (key.startsWith('list')) return listedWrong(done);
  return key.startsWith('lock') ? outOfOrder(done) : undefined;
}

function countedWrong(lines: readonly Line[]): string | undefined {
  const last = lastRead(lines);
  if (last === undefined) return undefined;
  const adds = lines.filter(({ op }) => op === 'add');
  const acknowledged = adds.filter((add) => isBefore(add, last)).length;
  const doubtful = adds.filter((add) => !isBefore(add, last) && !isBefore(last, add)).length;
  const total = last.value as number;
  if (total >= acknowledged && total <= acknowledged + doubtful) return undefined;
  return `it is ${total} after ${acknowledged} acknowledged additions and ${doubtful} in doubt`;
}

function listedWrong(lines: readonly Line[]): string | undefined {
  const last = lastRead(lines);
  if (last === undefined) return undefined;
  const items = last.value as readonly unknown[];
  const twice = items.find((item, i) => items.indexOf(item) !== i);
  if (twice !== undefined) return `${String(twice)} is in it twice`;
  const lost = lines.find(({ op, value, ...rest }) => {
    return op === 'append' && isBefore(rest, last) && !items.includes(value);
  });
  if (lost === undefined) return undefined;
  return `${String(lost.value)}, acknowledged at ${lost.return} ms, is missing at ${last.call} ms`;
}

function outOfOrder(lines: readonly Line[]): string | undefined {
  const grants = lines
    .filter(({ op, value }) => op === 'acquire' && typeof value === 'number')
    .toSorted((a, b) => a.call - b.call);
  for (const [i, grant] of grants.entries()) {
    const earlier = grants.slice(0, i).find((other) => {
      return isBefore(other, grant) && (other.value as number) >= (grant.value as number);
    });
    if (earlier === undefined) continue;
    const then = `${String(earlier.value)}, given at ${earlier.return} ms`;
    return `token ${String(grant.value)}, asked for at ${grant.call} ms, is not above ${then}`;
  }
  return undefined;
}

function lastRead(lines: readonly Line[]): Line | undefined {
  const reads = lines.filter(({ op, outcome }) => op === 'read' && outcome === 'ok');
  return reads.toSorted((a, b) => a.call - b.call).at(-1);
}

function isBefore(first: Pick<Line, 'return'>, second: Pick<Line, 'call'>): boolean {
  return first.return !== null && first.return < second.call;
}
