// `npm start`: builds what is not built yet, then starts the cluster (src/launcher.ts).
import { build, fail, nodeIsNewEnough } from './prepare.mjs';

const USAGE = `Starts a chat on a cluster of processes on this machine, each with its own page.

  npm start -- [options]

  --nodes N   how many processes, 1 to 9 (default 3)
  --port P    the first page's port; the next ones follow (default 8001)
  --help      this text

Ports that are taken are replaced by free ones. Ctrl-C stops all processes.`;

await main();

async function main() {
  if (!nodeIsNewEnough()) return;
  const options = await readOptions();
  if (options === undefined || !(await build())) return;
  const { launch } = await import('./dist/launcher.js');
  process.exitCode = await launch(options);
}

async function readOptions() {
  // Imported late: an old Node has no such function, and is to hear that from us.
  const { parseArgs } = await import('node:util');
  try {
    const { values } = parseArgs({
      options: {
        nodes: { type: 'string', default: '3' },
        port: { type: 'string', default: '8001' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return undefined;
    }
    return {
      nodes: integer('--nodes', values.nodes, { min: 1, max: 9 }),
      port: integer('--port', values.port, { min: 1_024, max: 65_000 }),
    };
  } catch (error) {
    fail(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return undefined;
  }
}

/** @param {string} name @param {string} text @param {{ min: number, max: number }} range */
function integer(name, text, { min, max }) {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not '${text}'.`);
}
