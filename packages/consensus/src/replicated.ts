import { NotSerializable } from '@troupe/actor';
import { xorshift } from '@troupe/actor/internal';
import { CallSampler } from './call-sampler.ts';
import { BadMachine, MachineOutdated } from './errors.ts';
import { between, Machine, type MachineClass } from './machine.ts';
import { type CommandEntry, EntryCodec, type Outcome } from './machine-entry.ts';
import { type MachineMethod, methodsOf, unmarkedOf } from './machine-methods.ts';
import { type SavedMachine, StateCodec } from './state-codec.ts';
import { SessionTable } from './session-table.ts';
import { type SavedVersions, VersionTable } from './version-table.ts';
import type { Command, SnapshotOrigin, SnapshotSource, StateMachine } from './state-machine.ts';

/**
 * A class of machines as the `StateMachine` that a group replicates: it knows the commands by
 * their names, executes each once, whatever its client repeats, and makes snapshots of the
 * instance. `replicate` gives the methods to whoever wants to call them.
 */
export class Replicated<M extends Machine> implements StateMachine<Outcome> {
  readonly type: MachineClass<M>;
  readonly methods: ReadonlyMap<string, MachineMethod>;
  /** Names of methods that nobody can call, since they are neither commands nor queries. */
  readonly unmarked: readonly string[];
  readonly #entries = new EntryCodec();
  readonly #states = new StateCodec();
  readonly #sampler = new CallSampler();
  #machine: M;
  #sessions = new SessionTable();
  /** Which version of the class each member runs. */
  versions: VersionTable = new VersionTable();
  readonly #users = new Set<(machine: M) => void>();
  /** Of the entry that was applied last. */
  #index = 0;
  #time = 0;

  /**
   * @throws {BadMachine} when the class has no commands, or fields that no snapshot would hold
   */
  constructor(type: MachineClass<M>) {
    this.type = type;
    this.methods = checkedMethods(type);
    this.unmarked = unmarkedOf(type);
    this.#machine = new type();
    this.#demandPlain('from the start');
  }

  get name(): string {
    return this.type.name;
  }

  get version(): number {
    return this.type.version;
  }

  /** Clients that are known, and whose repeated commands are recognised. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /**
   * Asks this node's instance, as it is now; the answer is a copy.
   * @throws {TypeError} when the query returns a promise
   * @throws {NotSerializable} when the answer is not plain data
   * @throws {BadMachine} when the query has changed the state, which is as it was before
   */
  query({ name, body }: MachineMethod, args: readonly unknown[]): unknown {
    const before = this.#sampler.isDue(name) ? this.#encodeState() : undefined;
    try {
      const answer = body.apply(this.#machine, [...args]);
      refusePromise(name, answer);
      return this.#entries.copy(answer);
    } finally {
      if (before !== undefined) this.#demandUnchanged(name, before);
    }
  }

  /**
   * Calls `use` with this node's instance, and with the one that a snapshot puts in its place: for
   * who answers from it without making copies. Look, and change nothing.
   * @returns ends it
   */
  '~troupe/instances'(use: (machine: M) => void): () => void {
    this.#users.add(use);
    use(this.#machine);
    return () => this.#users.delete(use);
  }

  apply(batch: readonly Command[]): readonly Outcome[] {
    return batch.map((command) => this.#apply(command));
  }

  snapshot(): SnapshotSource {
    const sessions = this.#sessions.save().map((session) => this.#states.encodeSession(session));
    const chunks = [this.#encodeState(this.versions.save()), ...sessions];
    return { chunks: () => chunks };
  }

  async restore(chunks: AsyncIterable<Uint8Array>, { version }: SnapshotOrigin): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    const bytes = Buffer.concat(parts);
    const { machine, sessions, versions } = this.#states.decode(bytes);
    this.#sampler.stateBytes = bytes.length;
    const table = new SessionTable();
    for (const session of sessions) table.load(session);
    this.#become(machine, version);
    this.#sessions = table;
    this.versions = new VersionTable();
    if (versions !== undefined) this.versions.load(versions);
  }

  /** A new instance with that state takes the place of the present one. */
  #become({ index, time, state }: SavedMachine, version: number): void {
    const machine = new this.type();
    machine['~troupe/load'](state, version);
    this.#machine = machine;
    this.#index = index;
    this.#time = time;
    machine['~troupe/enter'](between(index, time));
    for (const use of this.#users) use(machine);
  }

  #apply({ index, epoch, data }: Command): Outcome {
    const entry = this.#entries.decode(data);
    if (entry === undefined) return { kind: 'refused', reason: 'malformed' };
    this.#index = index;
    this.#time = Math.max(this.#time, entry.time);
    if (entry.kind === 'command') {
      return this.#sessions.once(entry, () => this.#execute(entry, epoch));
    }
    if (entry.kind === 'version') {
      this.versions.tell(entry.node, entry.version, entry.members);
      return { kind: 'told' };
    }
    if (entry.kind === 'close') {
      this.#sessions.close(entry.session);
      return { kind: 'closed' };
    }
    this.#sessions.open(index);
    return { kind: 'opened', session: index };
  }

  #execute({ name, args, since, seed }: CommandEntry, epoch: number): Outcome {
    // Some members would have to stop here: it is refused by all of them instead.
    if (since > this.versions.common) return { kind: 'refused', reason: 'early' };
    this.versions.use(since);
    const method = this.methods.get(name);
    if (since > this.version || method?.kind !== 'command') {
      const versions = { needed: since, running: this.version };
      throw new MachineOutdated(this.type.name, `command ${name}`, versions);
    }
    this.#machine['~troupe/enter']({
      index: this.#index,
      epoch,
      time: this.#time,
      random: xorshift(seed),
    });
    const outcome = this.#run(method, args);
    this.#machine['~troupe/enter'](between(this.#index, this.#time));
    if (this.#sampler.isDue(name)) this.#demandPlain(`after ${name}`);
    return outcome;
  }

  #run({ name, body }: MachineMethod, args: readonly unknown[]): Outcome {
    try {
      const result = body.apply(this.#machine, [...args]);
      refusePromise(name, result);
      return this.#entries.returned(name, result);
    } catch (error) {
      return this.#entries.threw(error, this.type.errors);
    }
  }

  /** Else it would be found when the next snapshot is due, and by then on every node. */
  #demandPlain(when: string): void {
    try {
      this.#encodeState();
    } catch (error) {
      if (!(error instanceof NotSerializable)) throw error;
      const where = `has something at ${error.path} ${when} that no snapshot can hold`;
      const issue = error.issue.replace(/; send .*/s, ''); // What would help who sends it.
      const advice = 'keep plain data in fields, or override save and load';
      throw new BadMachine(this.type.name, `${where}: ${issue}; ${advice}`, { cause: error });
    }
  }

  /** A query that writes makes this node differ from the others. */
  #demandUnchanged(query: string, before: Uint8Array): void {
    if (this.#isAs(before)) return;
    this.#become(this.#states.decode(before).machine, this.version);
    const issue = `has changed its state in ${query}, which has been undone`;
    throw new BadMachine(this.type.name, `${issue}: mark what changes it with @command`);
  }

  #isAs(before: Uint8Array): boolean {
    try {
      return Buffer.compare(this.#encodeState(), before) === 0;
    } catch (error) {
      if (error instanceof NotSerializable) return false; // It was plain data before.
      throw error;
    }
  }

  #encodeState(versions?: SavedVersions): Uint8Array {
    const state: unknown = this.#machine['~troupe/save']();
    const bytes = this.#states.encode({ index: this.#index, time: this.#time, state, versions });
    this.#sampler.stateBytes = bytes.length;
    return bytes;
  }
}

/** What happens behind an `await` is in no order that other nodes could follow. */
function refusePromise(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || !('then' in value)) return;
  if (value instanceof Promise) value.catch(() => {}); // What it comes to is nobody's concern.
  throw new TypeError(`${name} returned a promise: methods of machines do not wait`);
}

/**
 * The methods of a class that can be replicated.
 * @throws {BadMachine}
 */
function checkedMethods(type: MachineClass): ReadonlyMap<string, MachineMethod> {
  if (typeof type !== 'function' || !(type.prototype instanceof Machine)) {
    const name = typeof type === 'function' ? type.name : String(type);
    throw new BadMachine(name, 'is no class that extends Machine');
  }
  const { name, version } = type;
  if (!Number.isSafeInteger(version) || version < 1 || version >= 2 ** 32) {
    throw new BadMachine(name, `has version ${version}: give static version 1, 2 …`);
  }
  const methods = methodsOf(type);
  const commands = [...methods.values()].filter((method) => method.kind === 'command');
  if (commands.length === 0) {
    throw new BadMachine(name, 'has no command: mark what changes it with @command');
  }
  const early = commands.find(({ since }) => since > version);
  if (early !== undefined) {
    const since = `has ${early.name} since version ${early.since}`;
    throw new BadMachine(name, `${since}, and is of version ${version}: raise its static version`);
  }
  refuseHiddenFields(type);
  return methods;
}

/** Private fields are invisible to the default snapshot, and would be lost without a word. */
function refuseHiddenFields(type: MachineClass): void {
  const own = Object.getOwnPropertyDescriptor(Machine.prototype, 'save')?.value as unknown;
  if (Reflect.get(type.prototype, 'save') !== own) return;
  for (let each: unknown = type; typeof each === 'function' && each !== Machine;) {
    const source = Function.prototype.toString.call(each);
    const [, field] = /\bthis\.(#[\w$]+)(?![\w$]|\s*\()/.exec(source) ?? [];
    if (field !== undefined) {
      const issue = `keeps ${field}, which no snapshot would hold`;
      throw new BadMachine(
        type.name,
        `${issue}: make it an ordinary field, or override save and load`,
      );
    }
    each = Object.getPrototypeOf(each);
  }
}
