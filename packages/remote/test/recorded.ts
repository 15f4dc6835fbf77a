import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as exchangeFrames from '../dist/exchange-frames.js';
import * as frames from '../dist/frames.js';
import { EXCHANGE_PROTOCOL, PROTOCOL_MAX } from '../dist/handshake.js';
import * as outsiderFrames from '../dist/outsider-frames.js';
import { OUTSIDER_FRAMES } from './outsider-wire-frames.js';
import { WIRE_FRAMES } from './wire-frames.js';

/** One protocol, and what of it is recorded. */
export interface Recorded {
  /** Of its files. */
  readonly name: string;
  readonly version: number;
  /** The types of its frames, by name. */
  readonly types: Readonly<Record<string, number>>;
  readonly frames: Readonly<Record<string, readonly unknown[]>>;
}

export const SESSIONS: Recorded = {
  name: 'wire',
  version: PROTOCOL_MAX,
  types: typesAmong(frames),
  frames: WIRE_FRAMES,
};

export const OUTSIDERS: Recorded = {
  name: 'outsider',
  version: outsiderFrames.OUTSIDER_VERSION,
  types: typesAmong(
    outsiderFrames,
    /VERSION|_(MAX|MS|BYTES|LIMITS)$|^(REFERENCE|ERROR|CHANNEL_END|STREAM)$/,
  ),
  frames: OUTSIDER_FRAMES,
};

export const EXCHANGES: Recorded = {
  name: 'exchange',
  version: EXCHANGE_PROTOCOL,
  types: typesAmong(exchangeFrames, /_MAX$/),
  frames: {
    ask: [exchangeFrames.ASK, 1, { kind: 'ping' }],
    answer: [exchangeFrames.ANSWER, 1, ['pong', 1]],
    fail: [exchangeFrames.FAIL, 1, 'RangeError', 'out of range'],
  },
};

/** The numbers that a module exports, but for those of other names. */
function typesAmong(module: object, others = /^$/): Readonly<Record<string, number>> {
  const numbers = Object.entries(module).filter(
    ([name, value]) => typeof value === 'number' && !others.test(name),
  );
  return Object.fromEntries(numbers) as Record<string, number>;
}

/**
 * What a version of the protocol has added, `name: bytes in hex`, a frame each, long ones over
 * several lines. Those of the newest version are added to; older ones never change.
 */
export function fileOf({ name }: Recorded, version: number): string {
  return fileURLToPath(new URL(`../test/fixtures/${name}-${version}.txt`, import.meta.url));
}

/** Hex by the name of the frame, of all versions up to that one. */
export function recordedFrames(
  protocol: Recorded,
  upTo: number = protocol.version,
): ReadonlyMap<string, string> {
  const files = Array.from({ length: upTo }, (_, i) => fileOf(protocol, i + 1)).filter(existsSync);
  const text = files.map((file) => readFileSync(file, 'utf8')).join('');
  const lines = text.replaceAll('\n  ', '').split('\n');
  const entries = lines.filter((line) => line !== '').map((line) => line.split(': '));
  return new Map(entries.map(([name = '', hex = '']) => [name, hex]));
}

export function lineOf(name: string, bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `${name}: ${hex.replaceAll(/(.{40})(?=.)/g, '$1\n  ')}\n`;
}
