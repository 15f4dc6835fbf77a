// One node of the chat: rooms and the board are entities of the cluster, sessions are its own.
import { parseArgs } from 'node:util';
import { ListenFailed, type Node, startNode } from 'troupe';
import { Board } from './board.ts';
import type { Ready } from './launcher.ts';
import { Pages } from './pages.ts';
import { isPortTaken } from './ports.ts';
import { Room } from './room.ts';
import { Screens } from './screens.ts';
import { SeatLost } from './seat-lost.ts';
import { WebServer } from './web-server.ts';

interface Settings {
  readonly name: string;
  readonly listen: string;
  readonly webPort: number;
  readonly join: readonly string[];
}

const settings = readSettings();
try {
  await run(settings);
} catch (error) {
  console.error(`node ${settings.name}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
  if (process.connected) process.disconnect();
}

async function run({ name, listen, webPort, join }: Settings): Promise<void> {
  const web = await WebServer.listen(webPort);
  let node: Node;
  try {
    node = await start(name, listen, join);
  } catch (error) {
    await web.close();
    throw error;
  }
  const screens = new Screens(node, web.url);
  web.serve(new Pages(node, screens));
  onStop(async () => {
    screens.bye();
    await node.stop();
    await web.close();
  });
  const ready: Ready = { kind: 'ready', web: web.url, address: node.address };
  if (process.send === undefined) console.log(`node ${name}   ${web.url}   ${node.address}`);
  else process.send(ready);
}

async function start(name: string, listen: string, join: readonly string[]): Promise<Node> {
  const options = { name, join, actors: [Room, Board], errors: [SeatLost] };
  try {
    return await startNode({ ...options, listen });
  } catch (error) {
    // Somebody took the port between the launcher's look and now.
    if (!(error instanceof ListenFailed) || !isPortTaken(error)) throw error;
    return startNode({ ...options, listen: '127.0.0.1:0' });
  }
}

/** Ctrl-C reaches the launcher and this process alike, and the launcher sends SIGTERM: once. */
function onStop(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) return;
    stopping = true;
    void stop().finally(() => {
      if (process.connected) process.disconnect();
      for (const signal of signals) process.off(signal, onSignal);
    });
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  // The launcher is gone, however it went: nobody would stop this process any more.
  process.once('disconnect', onSignal);
}

function readSettings(): Settings {
  const { values } = parseArgs({
    options: {
      name: { type: 'string', default: 'a' },
      listen: { type: 'string', default: '127.0.0.1:0' },
      web: { type: 'string', default: '0' },
      join: { type: 'string', multiple: true, default: [] },
    },
  });
  const { name, listen, web, join } = values;
  return { name, listen, join, webPort: Number(web.split(':').at(-1)) };
}
