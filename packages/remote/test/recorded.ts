import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** `name: bytes in hex`, a frame each, long ones over several lines; only ever added to. */
export const RECORDED: string = fileURLToPath(
  new URL('../test/fixtures/wire-1.txt', import.meta.url),
);

/** Hex by the name of the frame. */
export function recordedFrames(): ReadonlyMap<string, string> {
  const text = existsSync(RECORDED) ? readFileSync(RECORDED, 'utf8') : '';
  const lines = text.replaceAll('\n  ', '').split('\n');
  const frames = lines.filter((line) => line !== '').map((line) => line.split(': '));
  return new Map(frames.map(([name = '', hex = '']) => [name, hex]));
}

export function lineOf(name: string, bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `${name}: ${hex.replaceAll(/(.{40})(?=.)/g, '$1\n  ')}\n`;
}
