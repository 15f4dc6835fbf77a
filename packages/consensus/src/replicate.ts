import type { Env } from '@troupe/actor';
import { processEnv } from '@troupe/actor';
import { checkNames } from '@troupe/actor/internal';
import type { Consensus, ReadOptions } from './consensus.ts';
import { NoSuchCommand } from './errors.ts';
import type { Machine } from './machine.ts';
import { MachineClient } from './machine-client.ts';
import type { Outcome } from './machine-entry.ts';
import type { ReplicaMethods } from './machine-methods.ts';
import type { Replicated } from './replicated.ts';
import { checkRequest } from './request.ts';

/** Of the calls of a replica: `consistency` is for queries, the rest for commands too. */
export type ReplicaOptions = ReadOptions;

interface ReplicaOperations<M> extends AsyncDisposable {
  /**
   * The same with options: `counter.with({ consistency: 'stale' }).value()`.
   * @throws {BadOption} when one makes no sense, or there is none of its name
   */
  with(options: ReplicaOptions): Replica<M>;
  /** Gives the session back, if there is one; a later command begins another. */
  close(): Promise<void>;
}

/**
 * The methods of a machine class, called from one node of the group. Errors of a command are those
 * of `Consensus.propose`, what the command threw, and:
 *
 * - `SessionExpired`, executed: unknown, when the group gave the session up between two attempts
 * - `NotSerializable`, executed: no, when an argument is no plain data
 * - `MembersOutdated`, executed: no, when not all members run the version that brought the command
 * - `NoSuchCommand`, executed: no, when the method is not marked
 */
export type Replica<M> = ReplicaMethods<M> & ReplicaOperations<M>;

const NAMES = ['consistency', 'timeoutMs', 'signal'] as const satisfies (keyof ReplicaOptions)[];

export interface ReplicateOptions {
  /** Whose clock the commands tell, and whose randomness. Default: this process's. */
  readonly env?: Env;
}

/**
 * The methods of a replicated machine, as promises. From now on this node tells the group which
 * version of the class it runs, so each member calls this, also one that calls no command. A
 * command is executed exactly once, however often it must be proposed until its outcome is known;
 * a query is linearizable, unless `with` says otherwise, and is answered by the instance of this
 * node.
 * @param group that was opened with `machine`
 */
export function replicate<M extends Machine>(
  group: Consensus<Outcome>,
  machine: Replicated<M>,
  { env = processEnv() }: ReplicateOptions = {},
): Replica<M> {
  return replicaOf(new MachineClient(group, machine, env), {});
}

function replicaOf<M extends Machine>(
  client: MachineClient<M>,
  options: ReplicaOptions,
): Replica<M> {
  const { group, machine } = client;
  const close = (): Promise<void> => client.close();
  const operations: ReplicaOperations<M> = {
    with(more) {
      checkNames('', more, NAMES);
      checkRequest(more);
      return replicaOf(client, { ...options, ...more });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  const methods: Record<string, (...args: unknown[]) => Promise<unknown>> = {};
  for (const name of machine.unmarked) {
    methods[name] = () => Promise.reject(new NoSuchCommand(group.group, name));
  }
  for (const [name, method] of machine.methods) {
    methods[name] = (...args) => client.call(method, args, options);
  }
  const replica: object = { ...methods, ...operations };
  return replica as Replica<M>; // The methods are those of the class that `M` is the type of.
}
