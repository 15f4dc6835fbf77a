import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { breaches, doors, impurities } from './tidy/breaches.ts';

const root = join(import.meta.dirname, '../..');

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
  readonly labels: readonly {
    readonly span: { readonly offset: number; readonly length: number };
  }[];
}

/** Runs oxlint in `folder` and returns what it complains about. */
function oxlint(folder: string, args: readonly string[]): Promise<readonly Diagnostic[]> {
  const command = join(root, 'node_modules/oxlint/bin/oxlint');
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [command, '--format=json', ...args],
      { cwd: folder, maxBuffer: 2 ** 26 },
      (_, stdout, stderr) => {
        try {
          const report = JSON.parse(stdout) as { readonly diagnostics: readonly Diagnostic[] };
          resolve(report.diagnostics);
        } catch (error) {
          reject(new Error(`oxlint did not report: ${stdout}${stderr}`, { cause: error }));
        }
      },
    );
  });
}

/** A folder that has the repository's lint configuration and these files; removed when disposed. */
async function sampleFolder(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'troupe-lint-'));
  await cp(join(root, '.oxlintrc.json'), join(path, '.oxlintrc.json'));
  await symlink(join(root, 'node_modules'), join(path, 'node_modules'), 'junction');
  const options = { strict: true, target: 'ES2023', module: 'NodeNext', types: [] };
  await writeFile(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test('the linter refuses what the house forbids', async (t) => {
  const files = Object.fromEntries(Object.values(breaches).flatMap(Object.entries<string>));
  await using folder = await sampleFolder(files);

  const diagnostics = await oxlint(folder.path, ['packages']);

  for (const [code, bad] of Object.entries(breaches)) {
    const found = diagnostics.filter((diagnostic) => diagnostic.code === code);
    for (const file of Object.keys(bad).filter((name) => !name.endsWith('log.ts'))) {
      t.true(
        found.some(({ filename }) => filename === file),
        `${code} is not found in ${file}`,
      );
    }
  }
});

test('only the doors to the world may use its clock and timers', async (t) => {
  await using folder = await sampleFolder({
    'packages/actor/src/env.ts': doors,
    'packages/remote/src/tcp-transport.ts': doors,
    'examples/chat/src/main.ts': doors,
  });

  t.deepEqual(await oxlint(folder.path, ['packages', 'examples']), []);
});

for (const core of ['raft', 'paxos', 'gossip']) {
  test(`nothing in the core of ${core} reaches the world, or waits for it`, async (t) => {
    const files = impurities.map((text, at): [string, string] => [
      `packages/${core}/src/core-${at}.ts`,
      `${text}\n`,
    ]);
    const pure = `packages/${core}/src/pure.ts`;
    await using folder = await sampleFolder({
      ...Object.fromEntries(files),
      [pure]: 'export const next = (state: number): number => Math.imul(state, 3);\n',
    });

    const diagnostics = await oxlint(folder.path, ['packages']);

    const refused = new Set(
      diagnostics
        .filter(({ code }) => /no-restricted-|no-async-await/.test(code))
        .map(({ filename }) => filename),
    );
    t.deepEqual(
      files.filter(([name]) => !refused.has(name)),
      [],
    );
    t.false(diagnostics.some(({ filename }) => filename === pure));
  });
}

test('a fourth parameter is the options object', async (t) => {
  await using folder = await sampleFolder({
    '.oxlintrc.json': '{ "plugins": [], "rules": { "max-params": ["error", 3] } }',
  });
  const config = join(folder.path, '.oxlintrc.json');

  const diagnostics = await oxlint(root, ['-c', config, 'packages', 'examples', 'bench', 'test']);

  const named = diagnostics
    .filter(({ code }) => code === 'eslint(max-params)')
    // The macro of a table takes its row as parameters.
    .filter(({ filename }) => !filename.endsWith('.test.ts'))
    .map(async ({ filename, labels }) => {
      const span = labels[0]?.span ?? { offset: 0, length: 0 };
      const bytes = (await readFile(join(root, filename))).subarray(span.offset);
      return `${filename}: ${lastParameter(bytes.toString())}`;
    });
  t.deepEqual(
    (await Promise.all(named)).filter((line) => !/: (?:options\b|\{)/.test(line)),
    [],
  );
});

test('the last parameter is found behind types and defaults', (t) => {
  const text =
    'f(a: Map<A, B>, b: (c: C, d: D) => void, c = [1, 2], options: O = {}) { return (1) }';

  t.is(lastParameter(text), 'options: O = {}');
  t.is(lastParameter('(\n  a,\n  b,\n): void {}'), 'b');
});

/** Of the first parameter list in `text`: what stands after its last comma. */
function lastParameter(text: string): string {
  let depth = 0;
  let start = 0;
  let last = '';
  for (const [at, sign] of [...text.replaceAll('=>', '->').matchAll(/->|[()[\]{}<>,]/g)].map(
    (match): [number, string] => [match.index, match[0]],
  )) {
    if (sign === '->') continue;
    if ('([{<'.includes(sign)) {
      depth += 1;
      if (depth === 1) start = at + 1;
    } else if (sign === ',') {
      if (depth !== 1) continue;
      last = text.slice(start, at).trim() || last;
      start = at + 1;
    } else {
      depth -= 1;
      if (depth === 0) return text.slice(start, at).trim() || last;
    }
  }
  return last;
}
