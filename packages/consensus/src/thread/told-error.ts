import { Disqualified } from '@troupe/raft';
import { type ErrorClass, errorFromWire, errorToWire, ListenFailed } from '@troupe/remote';
import {
  BadOption,
  ChangeRefused,
  CommandTooLarge,
  ConsensusThreadFailed,
  FoundedApart,
  GroupAlreadyOpen,
  GroupClosed,
  GroupStalled,
  MachineOutdated,
  NothingApplied,
  NotLeader,
  OutcomeUnknown,
} from '../errors.ts';
import {
  DirectoryInUse,
  DiskFull,
  LogDamaged,
  StoreClosed,
  StoreFailed,
  WrongLog,
} from '../log-errors.ts';
import type { ToldError } from './orders.ts';

/** All that a driver may throw, or tell of, beside the errors of the language. */
const classes: readonly ErrorClass[] = [
  NotLeader,
  OutcomeUnknown,
  GroupAlreadyOpen,
  GroupClosed,
  ChangeRefused,
  ConsensusThreadFailed,
  FoundedApart,
  BadOption,
  CommandTooLarge,
  NothingApplied,
  GroupStalled,
  MachineOutdated,
  Disqualified,
  DiskFull,
  StoreFailed,
  StoreClosed,
  WrongLog,
  DirectoryInUse,
  LogDamaged,
  ListenFailed,
];

/** An error as it crosses between threads, which keep neither class nor fields of it. */
export function tellError(error: unknown): ToldError {
  return errorToWire(error, { classes, stack: true });
}

export function toldError(told: ToldError): Error {
  return errorFromWire(told, classes);
}
