// `npm run bench`: builds what is not built yet, then measures (src/main.ts).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = fileURLToPath(new URL('.', import.meta.url));
const root = join(bench, '..');
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

await start(process.argv.slice(2));

/** @param {string[]} args */
async function start(args) {
  if (!existsSync(tsc)) {
    console.error(`The dependencies are missing. Run this first, in ${root}:\n\n  npm ci`);
    process.exitCode = 1;
    return;
  }
  if (!(await build())) {
    process.exitCode = 1;
    return;
  }
  const { main } = await import('./dist/main.js');
  process.exitCode = await main(args);
}

/** @returns {Promise<boolean>} whether it compiles; what the compiler has to say goes to stderr */
function build() {
  return new Promise((resolve) => {
    const args = [tsc, '-b', join(bench, 'src')];
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
    child.on('close', (code) => resolve(code === 0));
  });
}
