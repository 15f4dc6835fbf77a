import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CannotRun, type Command, type Subject, type Workshop } from './suite.ts';

const bench = join(import.meta.dirname, '..');

/** A million of some peers' actors need more heap than Node takes by itself. */
const NODE_ARGS = ['--expose-gc', '--max-old-space-size=8192'];

/** A program of ours in TypeScript, compiled to `dist/programs`. */
export function nodeProgram(name: string, file: string, env: Command['env'] = {}): Subject {
  return {
    name,
    prepare: () => Promise.resolve({ ...nodeCommand(join(bench, 'dist/programs', file)), env }),
  };
}

/** The same program as a subject of its own, both of whose nodes show certificates. */
export function overTls(name: string, file: string): Subject {
  const plain = nodeProgram(name, file);
  return {
    name,
    async prepare(workshop) {
      await install(workshop);
      const write = join(bench, 'peers/certificates.mjs');
      await workshop.run(process.execPath, [write, workshop.scratch]);
      const env = { BENCH_CERTIFICATES: workshop.scratch };
      return { ...(await plain.prepare(workshop)), env };
    },
  };
}

/** A program that uses a package of `bench/package.json`, which is installed when first needed. */
export function peer(name: string, file: string, dependency: string): Subject {
  return {
    name,
    async version() {
      const { version } = await manifestIn(join(bench, 'node_modules', dependency));
      return `${dependency} ${version}`;
    },
    async prepare(workshop) {
      await install(workshop);
      return nodeCommand(join(bench, 'peers', file));
    },
  };
}

/** The Go program in `go/<program>`. */
export function go(program: string): Subject {
  return {
    name: 'go',
    version: async ({ run }) => (await run('go', ['env', 'GOVERSION'])).trim().replace('go', 'Go '),
    async prepare(workshop) {
      await onPath('go', ['version'], workshop);
      const binary = join(workshop.scratch, `go-${program}`);
      await workshop.run('go', ['build', '-o', binary, `./${program}`], join(bench, 'go'));
      return { file: binary, args: [] };
    },
  };
}

/** Where Debian puts the sources of libraries in Go. */
const GO_SOURCES = '/usr/share/gocode';

interface GoGroup {
  /** What Debian calls what it needs, for those who have to install it, and for its version. */
  readonly packages: readonly string[];
  /** A library that is needed, as Go imports it. */
  readonly library: string;
  /** Programs that it starts. */
  readonly programs: readonly string[];
}

/** A node of a group in Go, of `go/raft/<name>.go`. */
export function goGroup(name: string, { packages, library, programs }: GoGroup): Subject {
  const advice = `apt-get install ${packages.join(' ')}`;
  return {
    name,
    async version({ run }) {
      const found = await run('dpkg-query', ['-W', '-f', '${Package} ${Version}, ', ...packages]);
      return found.replace(/, $/, '');
    },
    async prepare(workshop) {
      for (const program of ['go', ...programs]) {
        await onPath(program, [program === 'go' ? 'version' : '--version'], workshop);
      }
      if (!existsSync(join(GO_SOURCES, 'src', library))) {
        throw new CannotRun(`${library} is not in ${GO_SOURCES}: ${advice}`);
      }
      const binary = join(workshop.scratch, name);
      const env = ['GO111MODULE=off', `GOPATH=${GO_SOURCES}`];
      const build = ['go', 'build', '-o', binary, 'node.go', `${name}.go`];
      await workshop.run('env', [...env, ...build], join(bench, 'go/raft'));
      return group(workshop, binary);
    },
  };
}

/** The same of ours; `args` come before those of every node. */
export function nodeGroup(name: string, file: string, ...args: readonly string[]): Subject {
  return {
    name,
    prepare(workshop) {
      const program = join(bench, 'dist/programs', file);
      return Promise.resolve(group(workshop, process.execPath, program, ...args));
    },
  };
}

/** Three nodes, each started by `command`, and what has them measured. */
function group({ scratch }: Workshop, ...command: readonly string[]): Command {
  const { file, args } = nodeCommand(join(bench, 'dist/programs/raft-cluster.js'));
  return { file, args: [...args, scratch, ...command] };
}

/** The Erlang module `erlang/<module>.erl`. */
export function erlang(module: string): Subject {
  return {
    name: 'erlang',
    version: otpRelease,
    async prepare(workshop) {
      await onPath(
        'erlc',
        ['-o', workshop.scratch, join(bench, 'erlang', `${module}.erl`)],
        workshop,
      );
      const processes = ['+P', '4000000'];
      return {
        file: 'erl',
        args: ['-noinput', ...processes, '-pa', workshop.scratch, '-run', module, 'main'],
      };
    },
  };
}

/** Installs the peers, unless each is there in the version that `package.json` pins. */
async function install({ run, onProgress }: Workshop): Promise<void> {
  const { dependencies } = await manifestIn(bench);
  const installed = await Promise.all(
    Object.entries(dependencies ?? {}).map(async ([name, version]) => {
      const folder = join(bench, 'node_modules', name);
      return existsSync(folder) && (await manifestIn(folder)).version === version;
    }),
  );
  if (installed.every(Boolean)) return;
  onProgress('installing the peers, which is done once: npm ci, in bench/');
  try {
    await run('npm', ['ci', '--no-audit', '--no-fund'], bench);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CannotRun(`npm ci in bench/ failed: ${why}`, { cause: error });
  }
}

/** The same between two nodes, which a program of ours starts. */
export function erlangPair(module: string): Subject {
  return {
    name: 'erlang',
    version: otpRelease,
    async prepare(workshop) {
      await erlang(module).prepare(workshop);
      const { file, args } = nodeCommand(join(bench, 'dist/programs/erlang-remote.js'));
      return { file, args: [...args, workshop.scratch] };
    },
  };
}

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

async function manifestIn(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}

async function otpRelease({ run }: Workshop): Promise<string> {
  const code = 'io:put_chars(erlang:system_info(otp_release)), halt().';
  return `Erlang/OTP ${await run('erl', ['-noinput', '-eval', code])}`;
}

function nodeCommand(program: string): Command {
  return { file: process.execPath, args: [...NODE_ARGS, program] };
}

async function onPath(file: string, args: readonly string[], { run }: Workshop): Promise<void> {
  try {
    await run(file, args);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new CannotRun(`'${file}' is not on the path`);
    }
    throw error;
  }
}
