import type { Env } from '@troupe/actor';
import { BadOption } from './errors.ts';
import { FRAME_ALIGNMENT } from './log-frame.ts';
import { checkOwner, type LogOwner, SEGMENT_HEADER_BYTES } from './log-segment.ts';

/** How a log uses its disk, for whom the defaults do not do. */
export interface LogTuning {
  /** Of one file of the log; a larger write makes a larger one. Default: 16 MiB. */
  readonly segmentBytes?: number;
  /** What is written together, at most, however much waits. Default: 4 MiB. */
  readonly batchBytesMax?: number;
  /** Files of segments that are not needed now and kept for later. Default: 4. */
  readonly sparesMax?: number;
  /**
   * A file of zeros that is deleted when the disk is full, so that there is room to make a snapshot
   * and to shorten the log. 0: none. Default: 64 MiB.
   */
  readonly reserveBytes?: number;
  /**
   * Idle time after which the last write is marked as durable, so that damage to it is told from a
   * write that was cut off. Default: 20 ms.
   */
  readonly sealAfterMs?: number;
}

export interface LogOptions extends LogOwner, LogTuning {
  /** Names that the files must bear, so that no node ever starts on another one's log. */
  readonly cluster: string;
  readonly node: string;
  readonly env: Pick<Env, 'setTimer' | 'random' | 'log'>;
  /**
   * The disk has no room for another segment, and the reserve is gone: refuse commands, lead no
   * more, make snapshots. Said again every 30 s while that lasts, for snapshots that had no room
   * before. False: there is room again, and the reserve is back.
   */
  readonly onFull?: (isFull: boolean) => void;
  /** The log of `group` is so long that it keeps old segments: make a snapshot of it. */
  readonly onPinned?: (group: string) => void;
}

export type LogSettings = Required<LogOptions>;

const defaults = {
  segmentBytes: 16 * 2 ** 20,
  batchBytesMax: 4 * 2 ** 20,
  sparesMax: 4,
  reserveBytes: 64 * 2 ** 20,
  sealAfterMs: 20,
  onFull: (): void => {},
  onPinned: (): void => {},
};

const least = {
  segmentBytes: 2 * SEGMENT_HEADER_BYTES,
  batchBytesMax: 1,
  sparesMax: 0,
  reserveBytes: 0,
  sealAfterMs: 0,
};

/** @throws {BadOption} when a setting makes no sense */
export function settingsOf(options: LogOptions): LogSettings {
  checkOwner(options);
  const settings = { ...defaults, ...options };
  for (const name of Object.keys(least) as (keyof typeof least)[]) {
    const value = settings[name];
    if (!Number.isSafeInteger(value) || value < least[name]) {
      throw new BadOption(name, value, `give an integer of at least ${least[name]}`);
    }
  }
  if (settings.segmentBytes % FRAME_ALIGNMENT !== 0 || settings.segmentBytes >= 2 ** 32) {
    throw new BadOption('segmentBytes', settings.segmentBytes, 'give a multiple of 8 below 4 GiB');
  }
  return settings;
}
