import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

/**
 * What a user gets: every package is packed as for the registry, the tarballs are looked at by
 * publint and attw, installed together into an empty project without the network, imported on this
 * Node, and their types compiled by every TypeScript that is supported.
 */
const root = join(import.meta.dirname, '../../..');
const run = promisify(execFile);

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

const folders = (await readdir(join(root, 'packages')))
  .map((name) => join(root, 'packages', name))
  .filter((folder) => existsSync(join(folder, 'src/index.ts')));
const manifests = await Promise.all(
  folders.map(async (folder) => {
    return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
  }),
);
const scratch = await mkdtemp(join(tmpdir(), 'troupe-package-'));
test.after.always(() => rm(scratch, { recursive: true }));

const tarballs = pack();
const project = install();

/** `npm`, wherever it is, without its advice. */
function npm(args: readonly string[], cwd: string): Promise<{ readonly stdout: string }> {
  const env = { ...process.env, npm_config_loglevel: 'error', npm_config_audit: 'false' };
  return run('npm', [...args], { cwd, env, shell: process.platform === 'win32' });
}

async function pack(): Promise<ReadonlyMap<string, Packed>> {
  const each = manifests.flatMap(({ name }) => ['--workspace', name]);
  const { stdout } = await npm(['pack', '--json', '--pack-destination', scratch, ...each], root);
  const packed = JSON.parse(stdout) as readonly (Packed & { readonly name: string })[];
  return new Map(packed.map((entry) => [entry.name, entry]));
}

/**
 * An empty project with all tarballs. What they depend on is taken from this repository's own
 * `node_modules`, so that the versions must fit and no registry is asked.
 */
async function install(): Promise<string> {
  const folder = join(scratch, 'project');
  await mkdir(folder);
  const dependencies: Record<string, string> = {
    '@types/node': `file:${join(root, 'node_modules/@types/node')}`,
    'undici-types': `file:${join(root, 'node_modules/undici-types')}`,
  };
  for (const [name, { filename }] of await tarballs) {
    dependencies[name] = `file:${join(scratch, filename)}`;
  }
  const waiting = manifests.flatMap((manifest) => Object.keys(manifest.dependencies ?? {}));
  for (let used = waiting.pop(); used !== undefined; used = waiting.pop()) {
    if (used in dependencies) continue;
    const source = join(root, 'node_modules', used);
    dependencies[used] = `file:${source}`;
    const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as Manifest;
    waiting.push(...Object.keys(manifest.dependencies ?? {})); // What they use is used too.
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', dependencies }));
  await npm(
    ['install', '--offline', '--install-links', '--omit=optional', '--ignore-scripts'],
    folder,
  );
  return folder;
}

/** `@troupe/actor` and `./testing` make `@troupe/actor/testing`. */
const entries = manifests.flatMap(({ name, exports }) =>
  Object.keys(exports)
    .filter((path) => path !== './package.json')
    .map((path) => name + path.slice(1)),
);

for (const { name } of manifests) {
  test(`the tarball of ${name} holds what the sources make, and nothing else`, async (t) => {
    const paths = new Set((await tarballs).get(name)?.files.map((file) => file.path));

    for (const path of ['package.json', 'LICENSE']) t.true(paths.has(path), path);
    for (const path of paths) {
      const made = /^dist\/(.*?)\.(?:js|d\.ts)(?:\.map)?$/.exec(path)?.[1];
      if (made === undefined) t.regex(path, /^(?:src\/.*\.ts|package\.json|LICENSE|README\.md)$/);
      else t.true(paths.has(`src/${made}.ts`), `${path} has no source: run "npm run clean"`);
    }
  });

  test(`publint finds nothing in the tarball of ${name}`, async (t) => {
    const tarball = join(scratch, (await tarballs).get(name)?.filename ?? '');
    const publint = join(root, 'node_modules/publint/src/cli.js');

    const { stdout } = await run(process.execPath, [publint, 'run', tarball, '--strict']);

    t.regex(stdout, /All good!/);
  });

  test(`the types of ${name} are resolved as its code is`, async (t) => {
    const tarball = join(scratch, (await tarballs).get(name)?.filename ?? '');
    const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const args = [attw, tarball, '--profile', 'esm-only', '--format', 'json'];

    const { stdout } = await run(process.execPath, args, { maxBuffer: 2 ** 26 });

    const report = JSON.parse(stdout) as { readonly analysis: { readonly types: unknown } };
    t.like(report.analysis, { types: { kind: 'included' } });
  });
}

test('every entry can be imported, and importing starts nothing', async (t) => {
  const program = `for (const entry of ${JSON.stringify(entries)}) {
    const names = Object.keys(await import(entry));
    if (names.length === 0) throw new Error(entry + ' exports nothing');
  }`;
  const args = ['--input-type=module', '--eval', program];

  // A timer or a socket left behind would keep the process alive beyond this.
  await t.notThrowsAsync(run(process.execPath, args, { cwd: await project, timeout: 20_000 }));
});

for (const compiler of ['typescript-5.9', 'typescript-6.0', 'typescript']) {
  test(`${compiler} compiles every entry's types, down to the last declaration`, async (t) => {
    const folder = await project;
    const source = `user-of-${compiler}.ts`;
    await writeFile(
      join(folder, source),
      entries.map((entry, at) => `export * as entry${at} from '${entry}';\n`).join(''),
    );
    const tsc = join(root, 'node_modules', compiler, 'bin/tsc');
    // Our declarations and Node's are checked to the end; the compiler's own need no proof.
    const checks = '--strict --noEmit --skipLibCheck false --skipDefaultLibCheck';
    const options = `${checks} --module nodenext --target es2022 --lib es2022 --types node`;

    const args = [tsc, ...options.split(' '), source];
    const result = await run(process.execPath, args, { cwd: folder }).catch((error: unknown) => {
      return error as { readonly stdout: string };
    });

    t.is(result.stdout, '');
  });
}
