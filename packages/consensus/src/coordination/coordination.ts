import { type Env, processEnv } from '@troupe/actor';
import type { Consensus } from '../consensus.ts';
import { GroupClosed } from '../errors.ts';
import type { GroupOptions } from '../group-options.ts';
import type { Outcome } from '../machine-entry.ts';
import { replicate } from '../replicate.ts';
import { Replicated } from '../replicated.ts';
import { whyStalled } from '../stalled.ts';
import { Barriers } from './barriers.ts';
import { TTL_MS_MAX, TTL_MS_MIN } from './bounds.ts';
import { Claims } from './claims.ts';
import { CoordinationMachine } from './coordination-machine.ts';
import type { CoordinationParts } from './coordination-parts.ts';
import { Custodian } from './custodian.ts';
import { Elections } from './elections.ts';
import { Given, TIMER_MS_MAX } from './given.ts';
import { KeyValueStore } from './kv.ts';
import { LocalView } from './local-view.ts';
import { Locks } from './locks.ts';
import { Patience, type WaitLimits } from './patience.ts';
import { Semaphores } from './semaphores.ts';
import type { Session, SessionOptions } from './session.ts';
import { inTime, Sessions } from './sessions.ts';

const GROUP = 'coordination';

/** An `Engine`, or what opens groups of a node on it. */
export interface GroupOpener {
  open<R>(options: GroupOptions<R>): Promise<Consensus<R>>;
}

export interface CoordinateOptions extends SessionOptions {
  /** Default: this process's. The same as the engine's. */
  readonly env?: Env;
}

export interface CoordinationOptions
  extends CoordinateOptions, Omit<GroupOptions<Outcome>, 'group' | 'machine'> {
  /** The same on every node. Default: `coordination`. */
  readonly group?: string;
}

/**
 * What the nodes of a group agree on: locks, elections, semaphores, barriers, and a small store of
 * keys. All of it hangs on one session of this node, which is opened when it is first needed.
 */
export class Coordination implements AsyncDisposable {
  readonly locks: Locks;
  readonly elections: Elections;
  readonly semaphores: Semaphores;
  readonly barriers: Barriers;
  readonly kv: KeyValueStore;
  readonly group: Consensus<Outcome>;
  readonly #parts: CoordinationParts;
  readonly #custodian: Custodian;
  readonly #ended = new AbortController();
  #closing: Promise<void> | undefined;

  /**
   * @param group that was opened with `machine`
   * @throws {BadArguments} executed: no
   */
  constructor(
    group: Consensus<Outcome>,
    machine: Replicated<CoordinationMachine>,
    { env = processEnv(), ...session }: CoordinateOptions = {},
  ) {
    checkSession(session);
    const replica = replicate(group, machine, { env });
    const view = new LocalView(machine);
    const sessions = new Sessions({ env, replica, view }, session);
    const pause = (ms: number): Promise<void> => {
      return new Promise((resolve) => void env.setTimer(ms, resolve));
    };
    this.group = group;
    const why = (): Error | undefined => whyStalled(group.status());
    this.#parts = { env, replica, view, sessions, pause, why };
    this.#custodian = new Custodian({ env, group, replica, view });
    const claims = new Claims(this.#parts);
    this.locks = new Locks(claims);
    this.elections = new Elections(claims);
    this.semaphores = new Semaphores(claims);
    this.barriers = new Barriers(claims);
    this.kv = new KeyValueStore(this.#parts);
    void this.#watchGroup();
  }

  /**
   * The session of this node: the present one, or another where that has expired.
   * @throws {DeadlineExceeded} {Cancelled} executed: no
   */
  async session(options: WaitLimits = {}): Promise<Session> {
    new Given('coordination', 'session').wait(options);
    using patience = new Patience('the session', this.#parts, options);
    return await this.#parts.sessions.current(patience);
  }

  /** The session of this node, if it has one; the present or the last. */
  get presentSession(): Session | undefined {
    return this.#parts.sessions.present;
  }

  /** Aborted when this node takes no more part: it was closed, or the group has ended here. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Gives back all that this node holds, and takes no more part in the group. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { env, sessions, replica } = this.#parts;
    // What cannot be told now, since there is no majority, the group finds out by itself.
    const isTold = await sessions.close(new GroupClosed(this.group.group, 'no'));
    const closing = isTold ? replica.close().catch(() => {}) : undefined;
    if (closing !== undefined) await inTime(env, closing);
    this.#end(undefined);
    await this.group.stop();
  }

  /** Nobody may wait for a group that has ended. */
  async #watchGroup(): Promise<void> {
    let cause: Error | undefined;
    for await (const event of this.group.events(this.#ended.signal)) {
      if (event.kind === 'fatal') cause = event.error;
    }
    this.#end(cause);
  }

  #end(cause: Error | undefined): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#custodian.stop();
    this.#parts.sessions.present?.end();
    this.#parts.view.close(new GroupClosed(this.group.group, 'no', cause && { cause }));
  }
}

/**
 * Takes part in the group of nodes that coordinate, by way of `engine`.
 * @example `await using coordination = await openCoordination(new Engine());`
 */
export async function openCoordination(
  engine: GroupOpener,
  { group = GROUP, env, ttlMs, graceMs, ...options }: CoordinationOptions = {},
): Promise<Coordination> {
  const session = {
    ...(ttlMs !== undefined && { ttlMs }),
    ...(graceMs !== undefined && { graceMs }),
  };
  checkSession(session);
  const machine = new Replicated(CoordinationMachine);
  const opened = await engine.open({ ...options, group, machine });
  return new Coordination(opened, machine, { ...(env && { env }), ...session });
}

function checkSession({ ttlMs, graceMs }: SessionOptions): void {
  const given = new Given('coordination', 'open');
  if (ttlMs !== undefined) given.integer('ttlMs', ttlMs, [TTL_MS_MIN, TTL_MS_MAX]);
  if (graceMs !== undefined) given.integer('graceMs', graceMs, [0, TIMER_MS_MAX]);
}
