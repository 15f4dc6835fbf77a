import assert from 'node:assert/strict';
import type { Receiver, Sender } from '../channel.ts';

/** The two ends of one channel, wherever they are. */
export interface ChannelEnds<T> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;
}

/** Who makes the channels that are tested, and knows when they are at rest. */
export interface Carrier {
  /** @param capacity default: 0 */
  make<T>(capacity?: number): ChannelEnds<T> | Promise<ChannelEnds<T>>;
  /** Resolves when nothing more happens by itself. */
  settled(): Promise<void>;
  /** Collects garbage, where the process can be made to. */
  collectGarbage?(): void;
}

/**
 * What a case takes for granted beyond Go's rules for channels with a goroutine in between, which
 * is all that ends on different nodes can promise:
 * `'exact'` both ends know how many elements the buffer holds, without a window of their own;
 * `'instant'` what one end has done can be seen at the other in the same turn;
 * `'rendezvous'` without a buffer, a send case goes on only where somebody receives;
 * `'identity'` an element comes out as the very object that went in.
 */
export type Need = 'exact' | 'instant' | 'rendezvous' | 'identity';

export interface ChannelCase {
  /** The Go program or test, and the claim. */
  readonly name: string;
  readonly needs: readonly Need[];
  /** Rejects when the carrier's channels break the rule. */
  run(carrier: Carrier): Promise<void>;
}

/** What is still waiting when everything is at rest blocks. */
export async function assertBlocks(
  carrier: Carrier,
  what: string,
  operation: void | PromiseLike<unknown>,
): Promise<void> {
  assert.ok(!(await isDone(carrier, operation)), `${what} did not wait`);
}

export async function assertDone(
  carrier: Carrier,
  what: string,
  operation: void | PromiseLike<unknown>,
): Promise<void> {
  assert.ok(await isDone(carrier, operation), `${what} waits`);
}

async function isDone(carrier: Carrier, operation: void | PromiseLike<unknown>): Promise<boolean> {
  let done = false;
  const end = (): void => {
    done = true;
  };
  Promise.resolve(operation).then(end, end);
  await carrier.settled();
  return done;
}

/** Sends `values`, one after the other. */
export async function sendAll<T>(to: Sender<T>, values: Iterable<T>): Promise<void> {
  for (const value of values) await to.send(value);
}

export async function receiveCount<T>(from: Receiver<T>, count: number): Promise<T[]> {
  const values: T[] = [];
  for (let i = 0; i < count; i += 1) values.push(await from.receive());
  return values;
}

/** 0 … count - 1 */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

export const PRIMES: readonly number[] = [
  2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
];
