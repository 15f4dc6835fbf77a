import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from './fences.ts';

const root = join(import.meta.dirname, '../../..');
/** Inside the repository, so that `troupe` is found as in any project that depends on it. */
const folder = join(import.meta.dirname, 'programs');

/** What the programs import, and its types. */
const proof = fileURLToPath(new URL('./proof.js', import.meta.url));

/** Long enough to start a few nodes on a busy machine; a program that hangs is stopped. */
const RUN_MS_MAX = 60_000;

export interface Programs {
  /** @returns what went wrong, from the compiler or the program; empty when nothing did */
  run(name: string): Promise<string>;
}

/** Writes all programs and compiles them at once, which costs hardly more than one. */
export function compile(programs: readonly Program[]): Programs {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { composite: false, noUnusedLocals: false, noUnusedParameters: false },
    include: ['*.ts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  for (const ending of ['.js', '.d.ts']) {
    copyFileSync(proof.replace(/\.js$/, ending), join(folder, `proof${ending}`));
  }
  for (const { name, text } of programs) writeFileSync(join(folder, `${name}.ts`), text);

  const compiled = node([join(root, 'node_modules/typescript/bin/tsc'), '--pretty', 'false']);
  return {
    async run(name) {
      const { output } = await compiled;
      const about = (line: string): boolean => line.startsWith(`${name}.ts(`);
      const complaints = output.split('\n').filter((line) => about(line) || !line.includes('.ts('));
      if (complaints.some((line) => line !== '')) return complaints.join('\n');
      const { output: said, failed } = await node(['--enable-source-maps', `${name}.js`]);
      return failed ? said || 'it did not end' : '';
    },
  };
}

function node(args: readonly string[]): Promise<{ output: string; failed: boolean }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...args],
      { cwd: folder, timeout: RUN_MS_MAX, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        resolve({ output: stdout + stderr, failed: error !== null });
      },
    );
  });
}
