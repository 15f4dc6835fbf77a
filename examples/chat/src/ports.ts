import { createServer } from 'node:net';

/** Sets of ports tried before the system is asked for any that are free. */
const SETS_MAX = 20;

/**
 * `count` consecutive ports on which nothing listens: from `first`, or `step` higher, and so on.
 * Somebody may still take one before it is used, so whoever listens must be ready to fall back.
 * @returns zeros, which ask the system for any free port, when no such set is found
 */
export async function freePorts(
  first: number,
  count: number,
  step: number,
): Promise<readonly number[]> {
  for (let set = 0; set < SETS_MAX; set += 1) {
    const ports = Array.from({ length: count }, (_, index) => first + set * step + index);
    if ((ports.at(-1) ?? 0) > 65_535) break;
    const free = await Promise.all(ports.map(isFree));
    if (!free.includes(false)) return ports;
  }
  return Array.from({ length: count }, () => 0);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      probe.close(() => resolve(true));
    });
  });
}

/** Whether `error`, or what caused it, is that somebody else listens there already. */
export function isPortTaken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && error.code === 'EADDRINUSE') return true;
  return isPortTaken(error.cause);
}
