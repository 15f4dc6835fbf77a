import type { DownReason } from '@troupe/actor';
import { BadFrame } from './bad-frame.ts';

/** Why an actor is down, as its node says. @throws {BadFrame} */
export function downReason(value: unknown): DownReason {
  if (typeof value === 'object' && value !== null && 'kind' in value) {
    const error: unknown = 'error' in value ? value.error : undefined;
    if (value.kind === 'stopped' || value.kind === 'no-actor') return { kind: value.kind };
    if (value.kind === 'failed' || value.kind === 'node-down') return { kind: value.kind, error };
  }
  throw new BadFrame('a down frame without a reason');
}
