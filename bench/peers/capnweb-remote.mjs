// The benchmarks between two processes in capnweb, over a WebSocket by ws.
import { once } from 'node:events';
import { newWebSocketRpcSession, RpcTarget } from 'capnweb';
import { WebSocket, WebSocketServer } from 'ws';
import { inChunks, inFlight, latency, main, repeat } from '../dist/programs/measure.js';
import { isServer, ready, startServer } from '../dist/programs/pair.js';

const BURST = 1_000;

/** Of this capnweb takes its constants; Node 20 has none of its own. */
globalThis.WebSocket ??= WebSocket;

class Target extends RpcTarget {
  #sum = 0;

  echo(value) {
    return value;
  }
  add(value) {
    this.#sum += value;
  }
  take() {
    const sum = this.#sum;
    this.#sum = 0;
    return sum;
  }
}

async function serve() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket) => newWebSocketRpcSession(socket, new Target()));
  await once(server, 'listening');
  ready(`ws://127.0.0.1:${server.address().port}`);
}

/** A call whose result nobody pulls is one way. */
function tell(target, value) {
  target.add(value)[Symbol.dispose]();
}

async function measure() {
  const socket = new WebSocket(await startServer());
  await once(socket, 'open');
  const target = newWebSocketRpcSession(socket);
  const echo = (value) => target.echo(value);
  const echoChunk = inChunks((chunk) => target.echo(chunk));
  await main({
    'calls-256': (program) =>
      repeat(program, { batch: () => inFlight(256, program.operations, echo) }),
    'calls-16': (program) =>
      repeat(program, { batch: () => inFlight(16, program.operations, echo) }),
    'call-latency': (program) => latency(program, echo),
    tells: (program) =>
      repeat(program, {
        async batch() {
          let sum = 0;
          for (let sent = 0; sent < program.operations;) {
            const end = Math.min(sent + BURST, program.operations);
            for (; sent < end; sent += 1) tell(target, sent);
            sum += await target.take();
          }
          return sum;
        },
      }),
    'echo-64k': (program) =>
      repeat(program, {
        batch: () => inFlight(16, program.operations, echoChunk),
      }),
  });
}

await (isServer ? serve() : measure());
