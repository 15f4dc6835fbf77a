import { medianOfEach, megabytesPerSecond, perSecond, type Suite } from './suite.ts';
import { erlangPair, go, nodeProgram, overTls, peer } from './toolchains.ts';

const everybody = ['troupe', 'go', 'erlang', 'capnweb', 'moleculer', 'grpc', 'floor'];
const troupe = nodeProgram('troupe', 'troupe-remote.js');

export const remote: Suite = {
  name: 'remote',
  about: 'calls, tells and channels between two processes, over loopback',
  warmUpMs: 2_000,
  subjects: [
    troupe,
    nodeProgram('troupe-collected', 'troupe-remote.js', { BENCH_COLLECTED: '1' }),
    overTls('troupe-tls', 'troupe-remote.js'),
    go('remote'),
    erlangPair('remote'),
    peer('capnweb', 'capnweb-remote.mjs', 'capnweb'),
    peer('moleculer', 'moleculer-remote.mjs', 'moleculer'),
    peer('grpc', 'grpc-remote.mjs', '@grpc/grpc-js'),
    nodeProgram('one-worker', 'one-worker.js'),
    nodeProgram('floor', 'floor-remote.js'),
    nodeProgram('floor-loaded', 'floor-loaded.js'),
    overTls('floor-tls', 'floor-remote.js'),
  ],
  benches: [
    {
      name: 'calls-256',
      title: 'calls, 256 in flight',
      operations: 2_048,
      subjects: everybody,
      metrics: [perSecond('calls')],
      required: [
        { than: 'go', atLeast: 6 },
        { than: 'erlang', atLeast: 10 },
        { than: 'capnweb', atLeast: 10 },
        { than: 'moleculer', atLeast: 8 },
        { than: 'grpc', atLeast: 50 },
        { than: 'floor', atLeast: 0.5 },
      ],
    },
    {
      name: 'calls-16',
      title: 'calls, 16 in flight',
      operations: 512,
      subjects: everybody,
      metrics: [perSecond('calls')],
      required: [{ than: 'go', atLeast: 3 }],
    },
    {
      name: 'call-latency',
      title: 'one call at a time, the median of all calls',
      operations: 100,
      subjects: everybody,
      metrics: [medianOfEach],
      required: [
        { than: 'erlang', atMost: 0.9 },
        { than: 'go', atMost: 1.6 },
        { than: 'grpc', atMost: 0.2 },
      ],
    },
    {
      name: 'tells',
      title: 'one-way messages',
      operations: 10_000,
      subjects: ['troupe', 'erlang', 'capnweb', 'floor'],
      metrics: [perSecond('messages')],
      required: [{ than: 'erlang', atLeast: 5 }],
    },
    {
      name: 'channel-items',
      title: 'elements of a channel, each send awaited',
      operations: 10_000,
      subjects: ['troupe', 'grpc', 'floor'],
      metrics: [perSecond('elements')],
      required: [{ atLeast: 1_000_000 }, { than: 'grpc', atLeast: 10 }],
    },
    {
      name: 'echo-64k',
      title: 'echo of 64 KiB, 16 in flight',
      operations: 64,
      subjects: [
        'troupe',
        'troupe-collected',
        'troupe-tls',
        'go',
        'erlang',
        'capnweb',
        'grpc',
        'floor',
        'floor-loaded',
        'floor-tls',
      ],
      metrics: [megabytesPerSecond(65_536)],
      required: [
        { than: 'go', atLeast: 1 },
        { than: 'troupe-tls', atMost: 1.67 },
      ],
    },
    {
      name: 'workers',
      title: 'two actors that compute, on two worker threads, or on one',
      operations: 20,
      subjects: ['troupe', 'one-worker'],
      metrics: [perSecond('calls')],
      required: [{ than: 'one-worker', atLeast: 1.7 }],
    },
  ],
};
