import { DeadlineExceeded, type Env, isCallError, Overloaded } from '@troupe/actor';
import { ClientSession } from './client-session.ts';
import type { Consensus, ReadOptions, RequestOptions } from './consensus.ts';
import {
  BadMachine,
  GroupClosed,
  MembersOutdated,
  OutcomeUnknown,
  SessionExpired,
} from './errors.ts';
import type { Machine } from './machine.ts';
import { EntryCodec, type Outcome } from './machine-entry.ts';
import type { CommandMethod, MachineMethod } from './machine-methods.ts';
import type { Replicated } from './replicated.ts';
import { deadlineExceeded, Request, TIMEOUT_MS } from './request.ts';
import { RESULTS_MAX } from './session-table.ts';
import { whyStalled } from './stalled.ts';
import { VersionHerald } from './version-herald.ts';

/** So long it is waited for members that have not said yet which version they run. */
const VERSIONS_MS = 1_000;
const LOOK_AGAIN_MS = 50;

/** One command, over all its attempts. */
interface Call {
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
}

/** What came of a command, and whether an attempt before the last may have been executed. */
interface Attempted {
  readonly outcome: Outcome;
  readonly isRepeated: boolean;
}

/** Calls of one client: its session, and attempts at each command until the outcome is known. */
export class MachineClient<M extends Machine> {
  readonly group: Consensus<Outcome>;
  readonly machine: Replicated<M>;
  readonly #env: Env;
  readonly #herald: VersionHerald<M>;
  readonly #entries = new EntryCodec();
  #session: ClientSession | undefined;
  #opening: Promise<ClientSession> | undefined;
  /** Calls that wait for a session. */
  #waiting = 0;

  constructor(group: Consensus<Outcome>, machine: Replicated<M>, env: Env) {
    this.group = group;
    this.machine = machine;
    this.#env = env;
    this.#herald = new VersionHerald(group, machine, env);
    void this.#herald.announce();
  }

  call(method: MachineMethod, args: readonly unknown[], options: ReadOptions): Promise<unknown> {
    return method.kind === 'command'
      ? this.#command(method, args, options)
      : this.#query(method, args, options);
  }

  async close(): Promise<void> {
    const session = this.#session ?? (await this.#opening);
    if (session === undefined) return;
    this.#forget(session);
    await this.group.propose(this.#entries.close(this.#env.wallTime(), session.id));
  }

  async #query(
    method: MachineMethod,
    args: readonly unknown[],
    options: ReadOptions,
  ): Promise<unknown> {
    await this.group.read(options);
    return this.machine.query(method, args);
  }

  async #command(
    { name, since }: CommandMethod,
    values: readonly unknown[],
    { timeoutMs = TIMEOUT_MS, signal }: ReadOptions,
  ): Promise<unknown> {
    const args = this.#entries.args(values); // At once: the caller may change them afterwards.
    const call: Call = { timeoutMs, deadlineAt: this.#env.now() + timeoutMs, signal };
    for (;;) {
      if (since > this.machine.versions.common) await this.#demandVersion(call, name, since);
      const session = this.#session ?? (await this.#openedFor(call));
      const sequence = this.#begin(session);
      try {
        const { outcome, isRepeated } = await this.#propose(call, () => {
          const { id, acknowledged } = session;
          const seed = Math.floor(this.#env.random() * 2 ** 32);
          const entry = { session: id, sequence, acknowledged, since, seed, name };
          return this.#entries.command(this.#env.wallTime(), entry, args);
        });
        if (outcome.kind === 'settled') {
          return this.#entries.settle(outcome, this.machine.type.errors);
        }
        if (isEarly(outcome) && !isRepeated) continue; // Somebody has gone back meanwhile.
        if (!isExpired(outcome)) throw this.#refusal(outcome);
        this.#forget(session);
        if (isRepeated) throw new SessionExpired(this.group.group, 'unknown');
      } finally {
        session.end(sequence);
      }
    }
  }

  /**
   * Waits a moment for those who have just been started and have not said what they run.
   * @throws {MembersOutdated}
   */
  async #demandVersion(call: Call, command: string, needed: number): Promise<void> {
    const until = this.#env.now() + VERSIONS_MS;
    for (;;) {
      await this.#herald.tell(this.#left(call));
      const { versions } = this.machine;
      if (needed <= versions.common) return;
      if (this.#env.now() >= until) {
        const members = this.#herald.members.map((node) => ({ node, version: versions.of(node) }));
        const behind = members.filter(({ version }) => version < needed);
        throw new MembersOutdated(this.group.group, command, { needed, behind });
      }
      await new Promise<void>((resolve) => void this.#env.setTimer(LOOK_AGAIN_MS, resolve));
    }
  }

  /** Proposes until the outcome is known: with a sequence, nothing is executed twice. */
  async #propose(call: Call, encode: () => Uint8Array): Promise<Attempted> {
    for (let isRepeated = false; ; isRepeated = true) {
      try {
        const { result } = await this.group.propose(encode(), this.#left(call));
        return { outcome: result, isRepeated };
      } catch (error) {
        if (error instanceof OutcomeUnknown) continue;
        throw this.#ofCall(call, error, isRepeated);
      }
    }
  }

  /** `error` is about the last attempt only, and about what was left of the time for that. */
  #ofCall({ timeoutMs }: Call, error: unknown, isRepeated: boolean): unknown {
    const { group } = this.group;
    if (error instanceof DeadlineExceeded) {
      const executed = isRepeated ? 'unknown' : error.executed;
      return deadlineExceeded(group, { timeoutMs, executed, cause: error.cause });
    }
    if (!isRepeated || !isCallError(error) || error.executed !== 'no') return error;
    return new OutcomeUnknown(group, 'an attempt before this one', { cause: error });
  }

  /** @throws {DeadlineExceeded} executed: no */
  #left({ timeoutMs, deadlineAt, signal }: Call): RequestOptions {
    const left = deadlineAt - this.#env.now();
    if (timeoutMs > 0 && left <= 0) {
      throw deadlineExceeded(this.group.group, { timeoutMs, executed: 'no' });
    }
    return { timeoutMs: left, ...(signal && { signal }) };
  }

  #begin(session: ClientSession): number {
    if (session.window < RESULTS_MAX) return session.begin();
    throw new Overloaded(`group ${this.group.group}`, 'commands of one client', RESULTS_MAX);
  }

  #forget(session: ClientSession): void {
    if (this.#session === session) this.#session = undefined;
  }

  /** Waits for a session, within the limits of the call. */
  async #openedFor(call: Call): Promise<ClientSession> {
    const options = this.#left(call);
    const { group } = this;
    const why = (): Error | undefined => whyStalled(group.status());
    const request = new Request<ClientSession>(
      { group: group.group, env: this.#env, why },
      options,
    );
    const timer = this.#env.setTimer(options.timeoutMs ?? 0, () => request.expire(Infinity));
    this.#waiting += 1;
    this.#opening ??= this.#open();
    this.#opening.then(
      (session) => request.resolve(session),
      (error: unknown) => request.reject(error),
    );
    try {
      return await request.promise;
    } catch (error) {
      throw this.#ofCall(call, error, false);
    } finally {
      this.#waiting -= 1;
      timer.cancel();
    }
  }

  /** Opens a session, for as long as somebody waits for it. */
  async #open(): Promise<ClientSession> {
    try {
      for (;;) {
        const session = await this.#tryToOpen();
        if (session !== undefined) return (this.#session = session);
      }
    } catch (error) {
      // Whatever became of the session, no command was proposed under it.
      const isOver = error instanceof GroupClosed && error.executed !== 'no';
      if (!isOver) throw error;
      throw new GroupClosed(this.group.group, 'no', { cause: error.cause ?? error });
    } finally {
      this.#opening = undefined;
    }
  }

  /** @returns undefined when it is worth another attempt; one that succeeded unseen is not used */
  async #tryToOpen(): Promise<ClientSession | undefined> {
    try {
      const { result } = await this.group.propose(this.#entries.open(this.#env.wallTime()));
      if (result.kind === 'opened') return new ClientSession(result.session);
      const issue = `is not what group ${this.group.group} replicates, which is of another kind`;
      throw new BadMachine(this.machine.type.name, issue);
    } catch (error) {
      const isOver = !(error instanceof OutcomeUnknown || error instanceof DeadlineExceeded);
      if (isOver || this.#waiting === 0) throw error;
      return undefined;
    }
  }

  #refusal(outcome: Outcome): Error {
    const { group } = this.group;
    const reason = outcome.kind === 'refused' ? outcome.reason : outcome.kind;
    if (reason === 'overloaded') {
      return new Overloaded(`group ${group}`, 'commands of one client', RESULTS_MAX);
    }
    return new OutcomeUnknown(group, `it was answered by '${reason}'`);
  }
}

function isEarly(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.reason === 'early';
}

function isExpired(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.reason === 'expired';
}
