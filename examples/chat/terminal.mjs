// `npm run chat`: builds what is not built yet, then joins the chat from a terminal
// (src/terminal.ts).
import { build, fail, nodeIsNewEnough } from './prepare.mjs';

const USAGE = `Joins the chat from this terminal, by way of any node of its cluster.

  npm run chat -- --nick NAME [options]

  --nick NAME         what the others call you
  --room NAME         the room to enter (default lobby)
  --node HOST:PORT    a node's cluster address, as npm start prints it (default 127.0.0.1:7001)
  --help              this text

What you type is said in the room. /room NAME enters another one, /who lists who is here, /quit
or Ctrl-C leaves.`;

await main();

async function main() {
  if (!nodeIsNewEnough()) return;
  const options = await readOptions();
  if (options === undefined || !(await build())) return;
  const { chat } = await import('./dist/terminal.js');
  process.exitCode = await chat(options);
}

async function readOptions() {
  // Imported late: an old Node has no such function, and is to hear that from us.
  const { parseArgs } = await import('node:util');
  try {
    const { values } = parseArgs({
      options: {
        nick: { type: 'string' },
        room: { type: 'string', default: 'lobby' },
        node: { type: 'string', default: '127.0.0.1:7001' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return undefined;
    }
    if (values.nick === undefined) throw new TypeError('Say who you are: --nick NAME');
    return { nick: values.nick, room: values.room, node: values.node };
  } catch (error) {
    fail(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return undefined;
  }
}
