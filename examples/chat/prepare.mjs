// What has to be so before anything of the chat can run. Plain JavaScript, since nothing is built
// yet when it runs, and nothing newer than what an old Node can read, since it is the one that has
// to say that Node is too old.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MIN = { major: 20, minor: 19 };
const chat = dirname(fileURLToPath(import.meta.url));
const root = join(chat, '..', '..');
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

/** @returns {boolean} whether this Node can run the chat; otherwise it has been said */
export function nodeIsNewEnough() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > NODE_MIN.major) return true;
  if (major === NODE_MIN.major && minor >= NODE_MIN.minor) return true;
  const needed = `${NODE_MIN.major}.${NODE_MIN.minor}`;
  fail(`Node ${needed} or newer is needed, this is ${process.versions.node}.
Get one from https://nodejs.org and try again.`);
  return false;
}

/**
 * Compiles what has changed since the last time; after the first time that is quick.
 * @returns {Promise<boolean>} whether all is ready; otherwise it has been said why not
 */
export async function build() {
  if (!existsSync(tsc)) {
    fail(`The dependencies are missing. Run this first, in ${root}:\n\n  npm ci`);
    return false;
  }
  const startedAt = performance.now();
  process.stdout.write('building … ');
  const { code, output } = await run(process.execPath, [tsc, '-b', chat]);
  if (code === 0) {
    console.log(`done in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
    return true;
  }
  console.log('failed');
  fail(output.trim());
  return false;
}

/** @param {string} message */
export function fail(message) {
  console.error(message);
  process.exitCode = 1;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<{ code: number | null, output: string }>}
 */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (output += String(chunk)));
    child.on('error', (error) => resolve({ code: 1, output: String(error) }));
    child.on('close', (code) => resolve({ code, output }));
  });
}
