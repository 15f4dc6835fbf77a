import type { Check } from './check.ts';
import { importsOf, packageOf, resolve, type Workspace, workspacesOf } from './workspace.ts';

const protocols = ['@troupe/raft', '@troupe/paxos', '@troupe/gossip'];
const node = ['@troupe/actor', '@troupe/remote'];

/** What each package may know of the others: downward only, never sideways. */
const layers: Readonly<Record<string, readonly string[]>> = {
  '@troupe/actor': [],
  '@troupe/raft': [],
  '@troupe/paxos': [],
  '@troupe/gossip': [],
  '@troupe/remote': ['@troupe/actor'],
  '@troupe/sim': node,
  '@troupe/consensus': [...node, '@troupe/raft', '@troupe/paxos'],
  '@troupe/cluster': [...node, '@troupe/gossip', '@troupe/consensus'],
  '@troupe/redis': ['@troupe/cluster'],
  '@troupe/dashboard': ['@troupe/cluster'],
  troupe: [
    ...node,
    ...protocols,
    '@troupe/sim',
    '@troupe/consensus',
    '@troupe/cluster',
    '@troupe/redis',
    '@troupe/dashboard',
  ],
};

function isOurs(name: string): boolean {
  return name === 'troupe' || name.startsWith('@troupe/');
}

/** Every package that `workspace` uses, each with the place that says so. */
function usesOf({ folder, manifest, files }: Workspace): [place: string, used: string][] {
  const { dependencies, devDependencies, peerDependencies } = manifest;
  const declared = Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies });
  return [
    ...declared.map((used): [string, string] => [`${folder}/package.json`, used]),
    ...files.flatMap((file) =>
      importsOf(file)
        .filter((specifier) => !/^(?:\.|node:)/.test(specifier))
        .map((specifier): [string, string] => [file.path, packageOf(specifier)]),
    ),
  ];
}

export const layerChecks: readonly Check[] = [
  {
    claim: 'a package uses only the packages below it, in tests too',
    find: (tree) =>
      workspacesOf(tree)
        .filter(({ folder }) => folder.startsWith('packages/'))
        .flatMap((workspace) => {
          const { folder, manifest } = workspace;
          const below = layers[manifest.name];
          if (below === undefined) return [`${folder}/package.json is in no layer`];
          return usesOf(workspace)
            .filter(([, used]) => isOurs(used) && used !== manifest.name && !below.includes(used))
            .map(([place, used]) => `${place} uses ${used}, which is not below ${manifest.name}`);
        }),
    bad: {
      'packages/actor/package.json':
        '{ "name": "@troupe/actor", "devDependencies": { "@troupe/remote": "^0.1.0" } }',
      'packages/actor/test/cell.test.ts':
        "import { channel } from '@troupe/actor';\nimport {\n  node,\n} from '@troupe/cluster/internal';\n",
      'packages/helpers/package.json': '{ "name": "@troupe/helpers" }',
    },
    found: [
      'packages/actor/package.json uses @troupe/remote, which is not below @troupe/actor',
      'packages/actor/test/cell.test.ts uses @troupe/cluster, which is not below @troupe/actor',
      'packages/helpers/package.json is in no layer',
    ],
  },
  {
    claim: 'a package declares every package that its sources import',
    find: (tree) =>
      workspacesOf(tree).flatMap(({ folder, manifest, files }) => {
        const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
        return files
          .filter((file) => file.path.startsWith(`${folder}/src/`))
          .flatMap((file) =>
            importsOf(file)
              .filter((specifier) => !/^(?:\.|node:)/.test(specifier))
              .map(packageOf)
              .filter((used) => used !== manifest.name && !(used in declared))
              .map((used) => `${file.path} imports ${used}, which ${folder} does not declare`),
          );
      }),
    bad: {
      'packages/remote/package.json':
        '{ "name": "@troupe/remote", "dependencies": { "cbor-x": "1.6.9" } }',
      'packages/remote/src/codec.ts':
        "import { encode } from 'cbor-x';\nimport net from 'node:net';\nexport { pack } from 'msgpackr';\n",
    },
    found: [
      'packages/remote/src/codec.ts imports msgpackr, which packages/remote does not declare',
    ],
  },
  {
    claim: 'an import stays in its package, or goes through what a package exports',
    find: (tree) =>
      workspacesOf(tree).flatMap(({ folder, files }) =>
        files.flatMap((file) =>
          importsOf(file).flatMap((specifier) => {
            const leaves =
              specifier.startsWith('.') && !resolve(file.path, specifier).startsWith(`${folder}/`);
            if (leaves) return [`${file.path} leaves its package for ${specifier}`];
            const private_ = /^@troupe\/[^/]+\/internal$/.test(specifier);
            if (private_ && folder.startsWith('examples/')) {
              return [`${file.path} uses ${specifier}, as no user could`];
            }
            return [];
          }),
        ),
      ),
    bad: {
      'packages/remote/package.json': '{ "name": "@troupe/remote" }',
      'packages/remote/src/link.ts': "import { Cell } from '../../actor/src/cell.ts';\n",
      'examples/chat/package.json': '{ "name": "chat" }',
      'examples/chat/src/room.ts': "import type { Cell } from '@troupe/actor/internal';\n",
    },
    found: [
      'packages/remote/src/link.ts leaves its package for ../../actor/src/cell.ts',
      'examples/chat/src/room.ts uses @troupe/actor/internal, as no user could',
    ],
  },
  {
    claim: 'no file is dead: exports lead to every source, tests to every file beside them',
    find: (tree) =>
      workspacesOf(tree).flatMap((workspace) => {
        const { folder, manifest, files } = workspace;
        const published = Object.values({ ...manifest.exports, ...manifest.bin })
          .filter((entry) => entry.startsWith('./dist/'))
          .map((entry) => entry.replace('./dist/', `${folder}/src/`).replace(/\.js$/, '.ts'));
        const tests = files
          .map((file) => file.path)
          .filter((path) => /\.(?:test|types)\.ts$/.test(path));
        const alive = reachable(workspace, [...published, ...tests]);
        return files
          .map((file) => file.path)
          .filter((path) => /^(?:packages\/[^/]+\/(?:src|test)|test)\/.*\.ts$/.test(path))
          .filter((path) => !alive.has(path))
          .map((path) => `${path} is reached from no export and no test`);
      }),
    bad: {
      'packages/actor/package.json':
        '{ "name": "@troupe/actor", "exports": { ".": "./dist/index.js", "./package.json": "./package.json" } }',
      'packages/actor/src/index.ts': "export { go } from './go.ts';\n",
      'packages/actor/src/go.ts': "const at = new URL('./worker.js', import.meta.url);\n",
      'packages/actor/src/worker.ts': '',
      'packages/actor/src/old.ts': "import { go } from './go.ts';\n",
      'packages/actor/test/go.test.ts': "import { gate } from './gate.ts';\n",
      'packages/actor/test/gate.ts': '',
      'packages/actor/test/left.ts': '',
    },
    found: [
      'packages/actor/src/old.ts is reached from no export and no test',
      'packages/actor/test/left.ts is reached from no export and no test',
    ],
  },
];

function reachable({ files }: Workspace, entries: readonly string[]): ReadonlySet<string> {
  const alive = new Set<string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const file = files.find((candidate) => candidate.path === path);
    if (file === undefined || alive.has(path)) continue;
    alive.add(path);
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('.')) waiting.push(resolve(path, specifier));
    }
  }
  return alive;
}
