import type { Check } from './check.ts';
import type { Tree } from './tree.ts';

interface Locked {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The peers that the bench measures have an install of their own. */
const BENCH_LOCK = 'bench/package-lock.json';

function lockedIn(tree: Tree): [path: string, locked: Locked][] {
  const locks = tree.filter(({ path }) => path === 'package-lock.json' || path === BENCH_LOCK);
  return locks.flatMap(({ text }) => {
    const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, Locked>> };
    return Object.entries(packages);
  });
}

export const lockFileChecks: readonly Check[] = [
  {
    claim: 'the lock file names no registry',
    find: (tree) =>
      lockedIn(tree)
        .filter(([, { resolved, link }]) => resolved !== undefined && link !== true)
        .map(([path, { resolved }]) => `${path} comes from ${resolved}`),
    bad: {
      'package-lock.json': JSON.stringify({
        packages: {
          'node_modules/a': { version: '1.0.0', resolved: 'https://registry.example/a-1.0.0.tgz' },
          'node_modules/troupe': { resolved: 'packages/troupe', link: true },
        },
      }),
    },
    found: ['node_modules/a comes from https://registry.example/a-1.0.0.tgz'],
  },
  {
    // npm leaves out what a registry does not have, and then `npm ci` finds the lock incomplete.
    claim: 'the lock file knows the packages of every platform',
    find: (tree) => {
      const locked = lockedIn(tree);
      const names = new Set(locked.map(([path]) => path.replace(/^.*node_modules\//, '')));
      return locked.flatMap(([path, { optionalDependencies = {} }]) =>
        Object.keys(optionalDependencies)
          .filter((name) => !names.has(name))
          .map((name) => `${path} may need ${name}, which has no entry`),
      );
    },
    bad: {
      'package-lock.json': JSON.stringify({
        packages: {
          'node_modules/tool': {
            optionalDependencies: { 'tool-linux': '1.0.0', 'tool-mac': '1.0.0' },
          },
          'node_modules/tool-linux': { version: '1.0.0' },
        },
      }),
    },
    found: ['node_modules/tool may need tool-mac, which has no entry'],
  },
];
