import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PROTOCOL_MAX } from '../dist/handshake.js';

/**
 * What a version of the protocol has added, `name: bytes in hex`, a frame each, long ones over
 * several lines. Those of the newest version are added to; older ones never change.
 */
export function fileOf(version: number): string {
  return fileURLToPath(new URL(`../test/fixtures/wire-${version}.txt`, import.meta.url));
}

/** Hex by the name of the frame, of all versions up to that one. */
export function recordedFrames(upTo: number = PROTOCOL_MAX): ReadonlyMap<string, string> {
  const files = Array.from({ length: upTo }, (_, i) => fileOf(i + 1)).filter(existsSync);
  const text = files.map((file) => readFileSync(file, 'utf8')).join('');
  const lines = text.replaceAll('\n  ', '').split('\n');
  const frames = lines.filter((line) => line !== '').map((line) => line.split(': '));
  return new Map(frames.map(([name = '', hex = '']) => [name, hex]));
}

export function lineOf(name: string, bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `${name}: ${hex.replaceAll(/(.{40})(?=.)/g, '$1\n  ')}\n`;
}
