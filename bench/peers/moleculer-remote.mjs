// The benchmarks between two processes in moleculer, over its TCP transporter as it comes: JSON.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ServiceBroker } from 'moleculer';
import { inFlight, latency, main, repeat } from '../dist/programs/measure.js';
import { isServer, ready, startServer } from '../dist/programs/pair.js';

/** Its transporter does not say which port it took, when it was to take any. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function brokerOf(nodeID, options) {
  return new ServiceBroker({
    nodeID,
    logger: false,
    transporter: { type: 'TCP', options: { udpDiscovery: false, ...options } },
  });
}

async function serve() {
  const port = await freePort();
  const broker = brokerOf('server', { port, urls: [] });
  broker.createService({ name: 'target', actions: { echo: ({ params }) => params.value } });
  await broker.start();
  ready(`tcp://127.0.0.1:${port}/server`);
}

async function measure() {
  const broker = brokerOf('client', { urls: [await startServer()] });
  await broker.start();
  await broker.waitForServices('target');
  const echo = (value) => broker.call('target.echo', { value });
  await main({
    'calls-256': (program) =>
      repeat(program, { batch: () => inFlight(256, program.operations, echo) }),
    'calls-16': (program) =>
      repeat(program, { batch: () => inFlight(16, program.operations, echo) }),
    'call-latency': (program) => latency(program, echo),
  });
}

await (isServer ? serve() : measure());
