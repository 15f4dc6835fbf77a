import { type Age, HOPS_MAX, type Probe, type TurnName, TURNS_MAX } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import { turnFrom } from './call-header.ts';
import type { FrameReader } from './frames.ts';

/** What one node sends another, and looks at. Others are left out: whoever waits asks again. */
export const PROBES = { perSecond: 1_000, burst: 1_000 } as const;
/** Of what a ring looks like in words; as much as of any text of an error. */
export const RING_CHARS_MAX = 16_384;

/** The fields of a PROBE frame that come after the call that it follows. */
export function probeFields({ call, path, from, turns, youngest }: Probe): readonly unknown[] {
  const fields = [call, path.map(wordsOf), from.since, turns];
  return youngest === undefined ? fields : [...fields, [...wordsOf(youngest), youngest.since]];
}

/** @throws {BadFrame} when a peer sends what no honest one does */
export function readProbe(frame: FrameReader): Probe {
  const call = frame.number();
  const path = frame.list().map(turnFrom);
  const last = path.at(-1);
  if (last === undefined || path.length > HOPS_MAX) throw new BadFrame('path of a probe');
  const from = { ...last, since: frame.number() };
  const turns = Math.min(frame.number(), TURNS_MAX);
  return { call, path, from, turns, youngest: ageFrom(frame.any()) };
}

function ageFrom(fields: unknown): Age | undefined {
  if (fields === undefined) return undefined;
  const name = turnFrom(fields);
  const [, , , since] = fields as unknown[];
  if (Number.isSafeInteger(since)) return { ...name, since: since as number };
  throw new BadFrame('age of a turn');
}

function wordsOf({ address, method, turn }: TurnName): readonly [string, string, number] {
  return [address, method, turn];
}
