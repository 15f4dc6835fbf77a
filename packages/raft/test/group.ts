import {
  type AppendRecord,
  chunkMessage,
  type CommandEntry,
  type Entry,
  type Message,
  type MessageType,
  type NodeId,
  Raft,
  type RaftOptions,
  type ReadResult,
  type Ready,
} from '@troupe/raft';
import { MemoryDisk } from '@troupe/raft/testing';

export interface GroupOptions extends Partial<RaftOptions> {
  /** `'manual'`: the disk is slow from the beginning. Default: `'instant'`. */
  readonly disk?: 'instant' | 'manual';
}

/** One node with its disk and a state machine that is a list. */
export class Member {
  readonly id: NodeId;
  readonly disk: MemoryDisk = new MemoryDisk();
  readonly applied: Entry[] = [];
  readonly reads: ReadResult[] = [];
  /** Given to the disk and not answered, oldest first; filled when the disk is manual. */
  records: AppendRecord[] = [];
  raft: Raft;
  readonly #options: RaftOptions;

  constructor(options: RaftOptions) {
    this.id = options.id;
    this.#options = options;
    this.raft = new Raft(options);
  }

  /** The process dies, and with it what the disk has not answered; another one starts. */
  restart(): void {
    this.disk.crash();
    this.records = [];
    this.applied.length = 0;
    const applied = this.disk.snapshot?.index ?? 0;
    this.raft = new Raft({ ...this.#options, durable: this.disk.durable(applied) });
  }

  /** Puts a log of these terms on the disk, and starts there. The first entry names the voters. */
  writeLog(terms: readonly number[], term: number): void {
    const { configuration } = this.raft;
    this.disk.hardState = { term, votedFor: undefined, commit: 0 };
    this.disk.entries = terms.map((term, at): Entry => {
      const position = { index: at + 1, term };
      if (at === 0) return { ...position, kind: 'configuration', configuration };
      return { ...position, kind: 'command', data: bytes(`${at + 1}`) };
    });
    this.restart();
  }

  /** The log in memory, as terms: index 1 first. */
  get terms(): readonly number[] {
    const { base, last } = this.raft.status;
    const { recent } = this.raft.dump().log;
    const known = new Map(recent.map((entry) => [entry.index, entry.term]));
    return Array.from({ length: last.index - base.index }, (_, at) =>
      Number(known.get(base.index + 1 + at)),
    );
  }

  get commands(): readonly string[] {
    return this.applied.flatMap((entry) => (entry.kind === 'command' ? [text(entry.data)] : []));
  }
}

/** Several nodes and the mail between them. Nothing moves unless it is told to. */
export class Group {
  readonly members = new Map<NodeId, Member>();
  /** On its way, oldest first. */
  mail: Message[] = [];
  /** Links that carry nothing. */
  readonly cut = new Set<string>();
  /** A record is on disk when `saved` is called, and not before. */
  isSlow: boolean;
  readonly #options: GroupOptions;

  /** @param names the voters, as letters: `'abc'` */
  constructor(names: string, options: GroupOptions = {}) {
    this.#options = options;
    this.isSlow = options.disk === 'manual';
    for (const id of names) this.add(id, Array.from(names));
  }

  add(id: NodeId, voters: readonly NodeId[] = []): Member {
    const { disk: _, ...options } = this.#options;
    const seed = 1_000 + id.charCodeAt(0);
    const member = new Member({ preVote: false, ...options, id, voters, seed });
    this.members.set(id, member);
    this.carryOut(member);
    return member;
  }

  at(id: NodeId): Member {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`there is no ${id}`);
    return member;
  }

  raft(id: NodeId): Raft {
    return this.at(id).raft;
  }

  /** Does something at `id`, and what the node then wants done. */
  do<T>(id: NodeId, act: (raft: Raft) => T): T {
    const member = this.at(id);
    const result = act(member.raft);
    this.carryOut(member);
    return result;
  }

  tick(id: NodeId, ticks = 1): void {
    for (let count = 0; count < ticks; count += 1) this.do(id, (raft) => raft.tick());
  }

  propose(id: NodeId, ...commands: readonly string[]): void {
    this.do(id, (raft) => raft.propose(commands.map(bytes)));
  }

  /** Delivers mail until there is none. */
  settle(): void {
    for (let message = this.mail.shift(); message !== undefined; message = this.mail.shift()) {
      this.deliver(message);
    }
  }

  deliver(message: Message): void {
    if (this.cut.has(`${message.from}${message.to}`) || !this.members.has(message.to)) return;
    this.do(message.to, (raft) => raft.step(message));
  }

  /** Makes `id` the leader of a group that has none, with everybody's knowledge. */
  elect(id: NodeId): void {
    this.do(id, (raft) => raft.campaign());
    this.settle();
  }

  isolate(id: NodeId): void {
    for (const other of this.members.keys()) {
      this.cut.add(`${id}${other}`);
      this.cut.add(`${other}${id}`);
    }
  }

  heal(): void {
    this.cut.clear();
  }

  /** The manual disk has the oldest record that it was given. */
  saved(id: NodeId): void {
    const member = this.at(id);
    const record = member.records.shift();
    if (record === undefined) throw new Error(`${id} has nothing to save`);
    member.disk.sync(record.token);
    this.mail.push(...record.messages);
    this.do(id, (raft) => raft.appended(record.token));
  }

  carryOut(member: Member): void {
    for (let ready = member.raft.ready(); !isEmpty(ready); ready = member.raft.ready()) {
      this.mail.push(...ready.messages);
      member.reads.push(...ready.reads);
      if (ready.append !== undefined) this.#save(member, ready.append);
      this.#readDisk(member, ready);
      for (const { snapshot, offset, data } of ready.stores) {
        member.disk.storeChunk(snapshot, offset, data);
        member.raft.stored(snapshot.id, offset + data.length);
      }
      if (ready.apply?.kind === 'snapshot') member.raft.applied(ready.apply.snapshot.index);
      else if (ready.apply !== undefined) {
        const { from, to, entries } = ready.apply;
        member.applied.push(...(entries ?? member.disk.read(from, to)));
        member.raft.applied(to);
      }
    }
  }

  #save(member: Member, record: AppendRecord): void {
    member.disk.write(record);
    if (this.isSlow) return void member.records.push(record);
    member.disk.sync(record.token);
    this.mail.push(...record.messages);
    member.raft.appended(record.token);
  }

  #readDisk({ id, raft, disk }: Member, { fetches, chunks }: Ready): void {
    for (const { from, to } of fetches) raft.fetched(from, disk.read(from, to));
    for (const request of chunks) {
      const { snapshot, offset, bytes } = request;
      const data = disk.snapshots.get(snapshot.id) ?? new Uint8Array();
      this.mail.push(chunkMessage(id, request, data.subarray(offset, offset + bytes)));
    }
  }

  /** Takes a snapshot at `id` of all that is applied, and forgets the log before it. */
  snapshot(id: NodeId, { size = 0, keepEntries = 0 } = {}): void {
    const { raft, disk } = this.at(id);
    const index = raft.status.applied;
    const made = raft.snapshotAt({ id: `${id}@${index}`, index, bytes: size });
    disk.snapshots.set(made.id, new Uint8Array(size));
    disk.compact(made, raft.compact(made, { keepEntries }));
  }
}

function isEmpty({ messages, append, reads, apply, fetches, chunks, stores }: Ready): boolean {
  const lists = [messages, reads, fetches, chunks, stores];
  return append === undefined && apply === undefined && lists.every((list) => list.length === 0);
}

/** What every log begins with, and from whom most of what is said comes. */
export const first = { index: 1, term: 0 } as const;
export const toA = { from: 'b', to: 'a' } as const;

export function command(index: number, term: number, data = 'x'): CommandEntry {
  return { kind: 'command', index, term, data: bytes(data) };
}

export function bytes(command: string): Uint8Array {
  return new TextEncoder().encode(command);
}

export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** A group that `a` leads, with everything settled. */
export function led(names: string, options: GroupOptions = {}): Group {
  const group = new Group(names, options);
  group.elect('a');
  return group;
}

/** What of one type is on its way. */
export function sent<T extends MessageType>(
  { mail }: Group,
  type: T,
): Extract<Message, { type: T }>[] {
  return mail.filter((message): message is Extract<Message, { type: T }> => message.type === type);
}
