import type { Change, MemberKind, Message, NodeId } from '@troupe/raft';
import { showConfiguration, showEntry, showMessage, showPosition } from '@troupe/raft/testing';
import { Group, type GroupOptions } from './group.ts';

/** The commands of a trace. Each prints what happened, so that the file tells the whole story. */
export class Scenario {
  #group: Group = new Group('');
  readonly #commands: Readonly<Record<string, (args: readonly string[]) => string[]>> = {
    nodes: ([names = '', ...options]) => this.#start(names, options),
    add: ([id = '']) => (this.#group.add(id), []),
    disk: ([id = '', terms = '', term = '0']) => {
      this.#group.at(id).writeLog(terms.split(',').map(Number), Number(term));
      return [];
    },
    campaign: ([id = '']) => (this.#group.do(id, (raft) => raft.campaign()), []),
    tick: ([id = '', count = '1']) => (this.#group.tick(id, Number(count)), []),
    late: ([id = '', count = '1']) => (this.#group.do(id, (raft) => raft.tick(Number(count))), []),
    propose: ([id = '', ...commands]) => this.#propose(id, commands),
    change: ([id = '', ...changes]) => this.#change(id, changes),
    read: ([id = '', context = '1', lease]) => this.#read(id, Number(context), lease === 'lease'),
    transfer: ([id = '', to = '']) =>
      this.#tell(
        id,
        this.#group.do(id, (it) => it.transfer(to)),
      ),
    unreachable: ([id = '', to = '']) => (this.#group.do(id, (it) => it.unreachable(to)), []),
    full: ([id = '', is = 'yes']) => (this.#group.do(id, (it) => it.diskFull(is === 'yes')), []),
    forget: ([id = '']) =>
      this.#tell(
        id,
        this.#group.do(id, (it) => it.requestSnapshot()),
      ),
    slow: () => ((this.#group.isSlow = true), []),
    saved: ([id = '']) => (this.#group.saved(id), []),
    restart: ([id = '']) => (this.#group.at(id).restart(), []),
    snapshot: ([id = '', size = '0', keep = '0']) => {
      this.#group.snapshot(id, { size: Number(size), keepEntries: Number(keep) });
      return [];
    },
    cut: ([id = '']) => (this.#group.isolate(id), []),
    heal: () => (this.#group.heal(), []),
    drop: (filter) => this.#take(filter).map((message) => `lost: ${showMessage(message)}`),
    deliver: (filter) => this.#deliver(filter),
    settle: (filter) => this.#settle(filter),
    mail: () => this.#group.mail.map(showMessage),
    log: (ids) => ids.flatMap((id) => this.#log(id)),
    state: (ids) =>
      (ids.length > 0 ? ids : [...this.#group.members.keys()]).map((id) => this.#state(id)),
    members: ([id = '']) => this.#members(id),
    answers: ([id = '']) => this.#answers(id),
    waiting: ([id = '']) => this.#waiting(id),
  };

  run(line: string): string[] {
    const [name = '', ...args] = line.split(' ');
    const command = this.#commands[name];
    if (command === undefined) throw new Error(`no such command: '${line}'`);
    return command(args);
  }

  /** `nodes abc disk=manual preVote=true`: voters, and any setting. */
  #start(names: string, options: readonly string[]): string[] {
    const pairs = options.map((option) => option.split('='));
    const parsed = pairs.map(([key = '', value = '']): [string, unknown] => {
      if (value === 'true' || value === 'false') return [key, value === 'true'];
      return [key, /^\d+$/.test(value) ? Number(value) : value];
    });
    this.#group = new Group(names, Object.fromEntries(parsed) as GroupOptions);
    return [];
  }

  #propose(id: NodeId, commands: readonly string[]): string[] {
    const proposed = this.#group.do(id, (raft) => raft.propose(commands.map((it) => encode(it))));
    return this.#tell(id, proposed);
  }

  /** `+d` adds a voter, `~d` a learner, `^d` a promotable one, `*d` a witness; `-d` removes. */
  #change(id: NodeId, words: readonly string[]): string[] {
    const kinds: Readonly<Record<string, MemberKind>> = {
      '+': 'voter',
      '~': 'learner',
      '^': 'promotable',
      '*': 'witness',
    };
    const changes = words.map((word): Change => {
      const kind = kinds[word.charAt(0)];
      const node = word.slice(1);
      return kind === undefined ? { remove: node } : { add: node, as: kind };
    });
    return this.#tell(
      id,
      this.#group.do(id, (raft) => raft.changeMembers(changes)),
    );
  }

  #read(id: NodeId, context: number, lease: boolean): string[] {
    return this.#tell(
      id,
      this.#group.do(id, (raft) => raft.read(context, { lease })),
    );
  }

  #tell(
    id: NodeId,
    answer: { accepted: boolean; reason?: string; problem?: string | undefined },
  ): string[] {
    if (answer.accepted) return [];
    const why = answer.problem === undefined ? '' : `: ${answer.problem}`;
    return [`${id} refuses: ${answer.reason}${why}`];
  }

  /** Takes what fits out of the mail: `vote` a type, `>a` to a, `a>` from a, `a>b`, or `first`. */
  #take(filter: readonly string[]): Message[] {
    const taken: Message[] = [];
    const left: Message[] = [];
    const types = filter.filter((word) => !word.includes('>') && word !== 'first');
    const ends = filter.filter((word) => word.includes('>'));
    const most = filter.includes('first') ? 1 : Infinity;
    for (const message of this.#group.mail) {
      const fits =
        (types.length === 0 || types.includes(message.type)) &&
        (ends.length === 0 || ends.some((end) => isBetween(end, message)));
      (fits && taken.length < most ? taken : left).push(message);
    }
    this.#group.mail = left;
    return taken;
  }

  #deliver(filter: readonly string[]): string[] {
    return this.#take(filter).map((message) => {
      this.#group.deliver(message);
      return showMessage(message);
    });
  }

  /** Delivers what fits, and what comes of it, until nothing does. */
  #settle(filter: readonly string[]): string[] {
    const lines: string[] = [];
    for (let count = 0; count < 100; count += 1) {
      const delivered = this.#deliver([...filter, 'first']);
      if (delivered.length === 0) return lines;
      lines.push(...delivered);
    }
    return [...lines, 'and so on'];
  }

  #log(id: NodeId): string[] {
    const { log } = this.#group.raft(id).dump();
    const from = log.last - log.recent.length;
    const begin = from > 0 ? `after ${from}: ` : '';
    return [`${id}: ${begin}${log.recent.map(showEntry).join(', ')}`];
  }

  #state(id: NodeId): string {
    const { raft } = this.#group.at(id);
    const { term, role, leader, votedFor, commit, applied, last, durable, quiet } = raft.status;
    const follows = role === 'follower' ? ` of ${leader ?? 'nobody'}` : '';
    const vote = votedFor === undefined ? '' : ` voted ${votedFor}`;
    const log = `log ${showPosition(last)} durable ${durable} commit ${commit} applied ${applied}`;
    return `${id}: ${role}${follows} t${term}${vote}, ${log}${quiet ? ', quiet' : ''}`;
  }

  #members(id: NodeId): string[] {
    const { configuration, members } = this.#group.raft(id).status;
    const rows = members.map(
      ({ id, state, match, next }) => `  ${id}: ${state} match ${match} next ${next}`,
    );
    return [`${id}: ${showConfiguration(configuration)}`, ...rows];
  }

  #answers(id: NodeId): string[] {
    return this.#group
      .at(id)
      .reads.splice(0)
      .map((read) => `#${read.context} ${read.outcome === 'at' ? `at ${read.index}` : 'lost'}`);
  }

  /** What the disk has been given and not answered, and what will be said then. */
  #waiting(id: NodeId): string[] {
    return this.#group.at(id).records.flatMap(({ token, hardState, entries, messages }) => {
      const vote =
        hardState === undefined ? '' : ` t${hardState.term} vote ${hardState.votedFor ?? '-'}`;
      const record = `record ${token}:${vote} [${entries.map(showEntry).join(', ')}]`;
      return [record, ...messages.map((message) => `  then ${showMessage(message)}`)];
    });
  }
}

function encode(command: string): Uint8Array {
  return new TextEncoder().encode(command);
}

function isBetween(end: string, { from, to }: Message): boolean {
  return end === `>${to}` || end === `${from}>` || end === `${from}>${to}`;
}
