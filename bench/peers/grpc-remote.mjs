// The benchmarks between two processes in @grpc/grpc-js, without TLS.
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { credentials, loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { inChunks, inFlight, latency, main, repeat } from '../dist/programs/measure.js';
import { isServer, ready, startServer } from '../dist/programs/pair.js';

const proto = fileURLToPath(new URL('bench.proto', import.meta.url));
const { Target } = loadPackageDefinition(loadSync(proto)).bench;

function serve() {
  const server = new Server();
  server.addService(Target.service, {
    Echo: ({ request }, reply) => reply(null, request),
    EchoBytes: ({ request }, reply) => reply(null, request),
    Sum(call, reply) {
      let sum = 0;
      call.on('data', ({ value }) => (sum += value));
      call.on('end', () => reply(null, { value: sum }));
    },
  });
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    ready(`127.0.0.1:${port}`);
  });
}

async function measure() {
  const client = new Target(await startServer(), credentials.createInsecure());
  const call = (method, request) =>
    new Promise((resolve, reject) => {
      client[method](request, (error, response) => {
        if (error === null) resolve(response);
        else reject(error);
      });
    });
  const echo = async (value) => (await call('Echo', { value })).value;
  const echoBytes = inChunks(async (bytes) => (await call('EchoBytes', { bytes })).bytes);
  await main({
    'calls-256': (program) =>
      repeat(program, { batch: () => inFlight(256, program.operations, echo) }),
    'calls-16': (program) =>
      repeat(program, { batch: () => inFlight(16, program.operations, echo) }),
    'call-latency': (program) => latency(program, echo),
    'channel-items': (program) =>
      repeat(program, {
        async batch() {
          let stream;
          const sum = new Promise((resolve, reject) => {
            stream = client.Sum((error, response) => {
              if (error === null) resolve(response.value);
              else reject(error);
            });
          });
          for (let value = 0; value < program.operations; value += 1) {
            if (!stream.write({ value })) await once(stream, 'drain');
          }
          stream.end();
          return sum;
        },
      }),
    'echo-64k': (program) =>
      repeat(program, { batch: () => inFlight(16, program.operations, echoBytes) }),
  });
}

await (isServer ? serve() : measure());
