import { Actor, actor, channel, go, type Node, rpc, type Sender, startNode } from 'troupe';
import { inChunks, inFlight, latency, main, repeat } from './measure.ts';
import { certificates, isServer, ready, startServer } from './pair.ts';
import { measureWorkers } from './workers.ts';

/** Whether memory of what was received is left to the collector. */
const IS_COLLECTED = process.env['BENCH_COLLECTED'] !== undefined;
/** Tells between two looks at whether the actor keeps up; a mailbox holds 1,024. */
const BURST = 1_000;
const CAPACITY = 128;
const tls = certificates && { tls: certificates };

let server: Node | undefined;

@actor({ kind: 'target' })
class Target extends Actor {
  #sum = 0;
  #stream: Promise<number> = Promise.resolve(0);

  @rpc echo(value: number): number {
    return value;
  }
  @rpc echoBytes(chunk: Uint8Array): Uint8Array {
    if (!IS_COLLECTED) server?.recycle(chunk);
    return chunk;
  }
  @rpc add(value: number): void {
    this.#sum += value;
  }
  /** Gives out the sum and begins anew. */
  @rpc take(): number {
    const sum = this.#sum;
    this.#sum = 0;
    return sum;
  }
  /** A channel of this node, whose elements are added up until it is closed. */
  @rpc open(): Sender<number> {
    const numbers = channel<number>(CAPACITY);
    this.#stream = Promise.resolve(
      go(async () => {
        let sum = 0;
        for await (const value of numbers) sum += value;
        return sum;
      }),
    );
    return numbers.sender;
  }
  /** The sum of what went through the channel, once it is closed. */
  @rpc streamed(): Promise<number> {
    return this.#stream;
  }
}

async function serve(): Promise<void> {
  server = await startNode({
    name: 'server',
    listen: '127.0.0.1:0',
    actors: [Target],
    ...tls,
  });
  ready(server.address);
}

async function measure(): Promise<void> {
  const address = await startServer();
  const node = await startNode({ name: 'client', join: [address], actors: [], ...tls });
  const target = node.entity(Target, 'target');
  const echo = (value: number): Promise<number> => target.echo(value);
  const echoChunk = inChunks(async (chunk) => {
    const answer = await target.echoBytes(chunk);
    if (!IS_COLLECTED) node.recycle(answer);
    return answer;
  });
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
            for (; sent < end; sent += 1) target.tell.add(sent);
            sum += await target.take();
          }
          return sum;
        },
      }),
    'channel-items': (program) =>
      repeat(program, {
        async batch() {
          const numbers = await target.open();
          for (let value = 0; value < program.operations; value += 1) await numbers.send(value);
          numbers.close();
          return target.streamed();
        },
      }),
    'echo-64k': (program) =>
      repeat(program, {
        batch: () => inFlight(16, program.operations, echoChunk),
      }),
  });
}

if (isServer) await serve();
else if (process.argv[2] === 'workers') await measureWorkers(2);
else await measure();
