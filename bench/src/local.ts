import { bytesEach, bytesInAll, perSecond, type Suite, timeEach, timeInAll } from './suite.ts';
import { erlang, go, nodeProgram, peer } from './toolchains.ts';

const actors = ['troupe', 'erlang', 'go', 'nact', 'effect', 'floor'];
const channels = ['troupe', 'go', 'csp', 'effect', 'floor'];

export const local: Suite = {
  name: 'local',
  about: 'actors and channels in one process',
  warmUpMs: 800,
  subjects: [
    nodeProgram('troupe', 'troupe-local.js'),
    go('local'),
    erlang('local'),
    peer('nact', 'nact-local.mjs', 'nact'),
    peer('effect', 'effect-local.mjs', 'effect'),
    peer('csp', 'csp-local.mjs', '@thi.ng/csp'),
    nodeProgram('floor', 'floor-local.js'),
  ],
  benches: [
    {
      name: 'tell',
      title: 'tell, one sender to one actor',
      operations: 20_000,
      subjects: actors,
      metrics: [perSecond('messages')],
      required: [
        { than: 'erlang', atLeast: 2 },
        { than: 'nact', atLeast: 15 },
      ],
    },
    {
      name: 'ask-sequential',
      title: 'ask, one after the other',
      operations: 5_000,
      subjects: actors,
      metrics: [perSecond('calls')],
      required: [
        { than: 'erlang', atLeast: 1 },
        { than: 'nact', atLeast: 3 },
      ],
    },
    {
      name: 'ask-128',
      title: 'ask, 128 in flight',
      operations: 10_000,
      subjects: actors,
      metrics: [perSecond('calls')],
      required: [{ than: 'nact', atLeast: 5 }],
    },
    {
      name: 'spawn',
      title: 'spawn, until all have begun',
      operations: 10_000,
      subjects: actors,
      metrics: [perSecond('actors')],
      required: [
        { than: 'erlang', atLeast: 2 },
        { than: 'effect', atLeast: 2 },
      ],
    },
    {
      name: 'memory',
      title: 'memory of an idle actor with one field',
      operations: 100_000,
      subjects: actors,
      metrics: [bytesEach],
      required: [{ atMost: 350 }],
    },
    {
      name: 'channel-ping-pong',
      title: 'channel ping-pong, unbuffered, awaited, a round trip',
      operations: 10_000,
      subjects: channels,
      metrics: [timeEach],
      required: [{ than: 'go', atMost: 1 }],
    },
    {
      name: 'channel-stream-awaited',
      title: 'channel stream, capacity 128, awaited, an element',
      operations: 20_000,
      subjects: channels,
      metrics: [timeEach],
      required: [{ than: 'go', atMost: 2.5 }],
    },
    {
      name: 'channel-stream-sync',
      title: 'channel stream, capacity 128, sync path, an element',
      operations: 20_000,
      subjects: channels,
      metrics: [timeEach],
      required: [{ than: 'go', atMost: 1 }],
    },
    {
      name: 'select-4',
      title: 'select over four unbuffered channels, an element',
      operations: 10_000,
      subjects: channels,
      metrics: [timeEach],
      required: [{ than: 'go', atMost: 1 }],
    },
    {
      name: 'million',
      title: '1,000,000 live actors, each sent one message',
      operations: 1_000_000,
      subjects: ['troupe', 'erlang', 'go', 'floor'],
      metrics: [timeInAll, bytesInAll],
      required: [],
    },
  ],
};
