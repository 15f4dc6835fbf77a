import type { AppendRecord, Configuration, Entry, Message, NodeId, Status } from '@troupe/raft';
import { isQuorum } from '@troupe/raft';

/** What a run did that no correct Raft could. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function demand(holds: boolean, claim: () => string): asserts holds {
  if (!holds) throw new Violation(claim());
}

/** A log in the abstract: the term at each index since the beginning of time. */
interface AbstractLog {
  terms: number[];
  configurations: { readonly index: number; readonly configuration: Configuration }[];
}

const nobody: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  promotable: [],
  witnesses: [],
};

interface AbstractNode {
  /** What it would find after a crash, and what it holds now. */
  durable: AbstractLog;
  memory: AbstractLog;
  /** What it had on disk, and may have acknowledged, before its disk was damaged or lost. */
  lost: AbstractLog[];
  durableTerm: number;
  durableVote: NodeId | undefined;
  term: number;
  commit: number;
  /** Where its log ended before what it has just been given. */
  known: number;
  /** The configurations that were last found to be the same. */
  members: readonly [Configuration, Configuration] | undefined;
}

/** A snapshot that a leader has begun to send. */
interface Offer {
  readonly id: string;
  readonly index: number;
  readonly bytes: number;
}

/** Entries make a tree: each is behind one other for ever, and a log is a way up to the root. */
interface AbstractEntry {
  readonly before: number;
  readonly content: string;
  readonly configuration: Configuration | undefined;
}

/**
 * Raft as a few rules over whole logs, with no messages lost, no snapshots, no pipelines, no disk
 * queues. Every observed step must be one that these rules allow, or a simulated run is refused:
 *
 *     Vote(n)      one candidate a term, for ever, as the disks have it
 *     Elect(n)     a quorum of the configuration in n's log has voted, on disk, for n in this term;
 *                  nobody else leads the term; n's log holds everything that is committed
 *     Create(n)    only the leader of a term creates entries of it, each behind one other for ever
 *     Write(n)     nothing committed is ever taken back
 *     Commit(n)    the leader's entry of its own term is on the disks of a quorum; what is
 *                  committed stays as it is
 *     Learn(n)     another node commits only what is committed
 *     Say(m)       votes, candidacies and acknowledgements are true of the sender's disk
 *     Hand(n)      an heir has all that its leader has; nobody else stands by transfer
 *     Send(n)      a snapshot that is being sent is sent to its end
 *     Match(n)     what a leader takes to be on the disk of another is there
 */
export class Specification {
  readonly #nodes = new Map<NodeId, AbstractNode>();
  readonly #leaders = new Map<number, NodeId>();
  /** By term and voter. */
  readonly #votes = new Map<number, Map<NodeId, NodeId>>();
  /** By index and term: what the entry is, and the term of the one before it. */
  readonly #entries = new Map<string, AbstractEntry>();
  readonly #committed: AbstractLog = {
    terms: [0],
    configurations: [{ index: 0, configuration: nobody }],
  };
  /** In which term each index was committed. */
  readonly #committedIn: number[] = [0];
  /** By term and heir: the index that it must have reached. */
  readonly #heirs = new Map<string, number>();
  /** By term, leader and receiver. */
  readonly #offers = new Map<string, Offer>();
  /** What leaders cannot go on sending. */
  readonly #unreadable = new Set<string>();
  readonly initial: readonly NodeId[];
  readonly #first: Extract<Entry, { kind: 'configuration' }>;

  constructor(voters: readonly NodeId[]) {
    this.initial = voters;
    this.#first = {
      kind: 'configuration',
      index: 1,
      term: 0,
      configuration: { ...nobody, voters },
    };
    const content = contentOf(this.#first);
    this.#entries.set('1/0', { before: 0, content, configuration: this.#first.configuration });
  }

  get committedIndex(): number {
    return this.#committed.terms.length - 1;
  }

  get committedConfiguration(): Configuration {
    return this.#configurationOf(this.#committed);
  }

  started(id: NodeId): void {
    const known = this.#nodes.get(id);
    if (known === undefined) {
      const [durable, memory] = [this.#firstLog(id), this.#firstLog(id)];
      const fresh = {
        lost: [],
        durableTerm: 0,
        durableVote: undefined,
        term: 0,
        commit: 0,
        known: 0,
        members: undefined,
      };
      this.#nodes.set(id, { durable, memory, ...fresh });
      return;
    }
    known.memory = copy(known.durable);
    known.term = known.durableTerm;
    known.commit = 0;
  }

  /** Some of its disk is lost: what is behind `last`. */
  damaged(id: NodeId, last: number): void {
    const node = this.#node(id);
    node.lost.push(copy(node.durable));
    cut(node.durable, last + 1);
  }

  /** All of its disk is lost. */
  wiped(id: NodeId): void {
    const node = this.#node(id);
    node.lost.push(copy(node.durable));
    cut(node.durable, 1);
    node.durableTerm = 0;
    node.durableVote = undefined;
  }

  /** `id` has found out that it cannot read that snapshot of its own: it may send another. */
  cannotRead(id: NodeId, snapshot: string): void {
    this.#unreadable.add(`${id} ${snapshot}`);
  }

  /** The index of the latest configuration that `id` has on disk; and that is committed. */
  membersAt(id: NodeId): number {
    return this.#node(id).durable.configurations.at(-1)?.index ?? 0;
  }

  get committedMembersAt(): number {
    return this.#committed.configurations.at(-1)?.index ?? 0;
  }

  /** After an input, before what it wrote is known: elections and the leader's commit. */
  observe(id: NodeId, status: Status): 'elected' | undefined {
    const node = this.#node(id);
    demand(status.term >= node.term, () => `${id} goes back to term ${status.term}`);
    node.term = status.term;
    node.known = node.memory.terms.length - 1;
    const isElected = status.role === 'leader' && this.#leaders.get(status.term) !== id;
    if (isElected) this.#elect(id, node, status.term);
    // It may have resigned in the same step: a leader that has removed itself does.
    const leads = this.#leaders.get(status.term) === id;
    if (leads && status.commit > this.committedIndex) this.#commit(id, node, status);
    return isElected ? 'elected' : undefined;
  }

  /** After what an input wrote: what everybody else believes to be committed. */
  settle(id: NodeId, status: Status): void {
    const node = this.#node(id);
    const { commit, applied, base, last, durable } = status;
    demand(commit >= node.commit, () => `${id} takes back the commit of ${node.commit}`);
    demand(commit <= this.committedIndex, () => `${id} commits ${commit}, which nobody did`);
    const { terms } = node.memory;
    // What a busy disk has not been given yet is looked at when it is.
    const isKnown = terms.length === last.index + 1 && terms.at(-1) === last.term;
    if (isKnown) {
      const [ours, theirs] = [terms[commit], this.#committed.terms[commit]];
      demand(ours === theirs, () => `${id} commits ${commit}/t${ours}, and it is t${theirs}`);
    }
    if (isKnown) checkMembers(id, node, status.configuration);
    if (this.#leaders.get(status.term) === id) this.#checkMatches(node, status);
    node.commit = commit;
    const isOrdered = base.index <= commit && applied <= commit && commit <= last.index;
    demand(isOrdered, () => `${id} is out of order: ${JSON.stringify(status)}`);
    demand(durable <= last.index, () => `${id} has ${durable} on disk of ${last.index}`);
  }

  /** `record` was given to the disk: so the log in memory is. */
  wrote(id: NodeId, record: AppendRecord, status: Status): void {
    const node = this.#node(id);
    const { hardState, snapshot, entries } = record;
    if (hardState !== undefined) {
      demand(hardState.term >= node.durableTerm, () => `${id} writes an earlier term`);
    }
    if (snapshot !== undefined) {
      const { index, term } = snapshot;
      const is = this.#committed.terms[index];
      demand(is === term, () => `${id} installs ${index}/t${term}, and t${is} is committed`);
      node.memory = this.#committedUpTo(index);
      const at = this.#configurationOf(node.memory);
      demand(
        JSON.stringify(at) === JSON.stringify(snapshot.configuration),
        () => `${id} installs members that are not those of ${index}`,
      );
    }
    for (const entry of entries) {
      const { index, term, kind } = entry;
      const is = this.#committed.terms[index];
      const isAllowed = index > node.commit || is === term;
      demand(isAllowed, () => `${id} writes ${index}/t${term}, and t${is} is committed`);
      this.#create(id, entry, node.memory.terms[index - 1]);
      const isOwn = this.#leaders.get(term) === id && status.term === term;
      if (kind === 'configuration' && isOwn) checkChange(id, node.memory, status);
      write(node.memory, entry);
    }
  }

  /** `record` is on disk. */
  saved(id: NodeId, { hardState, snapshot, entries }: AppendRecord): void {
    const node = this.#node(id);
    if (hardState !== undefined) {
      node.durableTerm = hardState.term;
      node.durableVote = hardState.votedFor;
      if (hardState.votedFor !== undefined) this.#vote(id, hardState.term, hardState.votedFor);
    }
    if (snapshot !== undefined) node.durable = this.#committedUpTo(snapshot.index);
    for (const entry of entries) write(node.durable, entry);
  }

  /** `message` leaves its sender, who may crash the next moment. */
  sent(message: Message): void {
    const { from, type, term } = message;
    const node = this.#node(from);
    const { durable, durableTerm, durableVote } = node;
    if (type === 'vote' || (type === 'vote-reply' && message.granted)) {
      const candidate = type === 'vote' ? from : message.to;
      const isTrue = durableTerm > term || (durableTerm === term && durableVote === candidate);
      demand(isTrue, () => `${from} says a vote in term ${term} that is not on its disk`);
      this.#vote(from, term, candidate); // Its disk may be in a later term by now.
      if (type === 'vote' && message.transfer) {
        const wanted = this.#heirs.get(`${term - 1} ${from}`) ?? Infinity;
        const isHeir = durable.terms.length > wanted;
        demand(isHeir, () => `${from} stands by transfer in term ${term}, and is no heir`);
      }
    } else if (type === 'timeout-now') this.#hand(message);
    else if (type === 'snapshot-offer') this.#offer(message);
    else if (type === 'snapshot-status') this.#tell(message);
    else if (type === 'append-reply') {
      const { match } = message;
      demand(match < durable.terms.length, () => `${from} acknowledges ${match} before its disk`);
      const leader = this.#nodes.get(message.to);
      if (leader === undefined || leader.term !== term) return;
      const [ours, theirs] = [durable.terms[match], leader.memory.terms[match]];
      const isSame = ours === theirs || theirs === undefined;
      demand(isSame, () => `${from} acknowledges ${match}/t${ours} as ${message.to}'s t${theirs}`);
    } else if (type === 'append' || type === 'heartbeat') {
      const leads = this.#leaders.get(term) === from;
      demand(leads, () => `${from} speaks as the leader of term ${term}`);
      if (type === 'append') {
        this.#say(message);
        this.#offers.delete(`${term} ${from}>${message.to}`); // It can do without.
      }
      const { commit } = message;
      demand(commit <= this.committedIndex, () => `${from} says that ${commit} is committed`);
    }
  }

  #hand({ from, to, term, last }: Extract<Message, { type: 'timeout-now' }>): void {
    demand(this.#leaders.get(term) === from, () => `${from} has nothing to hand over in ${term}`);
    const { voters, outgoing, witnesses } = this.#configurationOf(this.#node(from).memory);
    const mayLead = [...voters, ...outgoing].includes(to) && !witnesses.includes(to);
    demand(mayLead, () => `${to} is to lead after ${from}, and may not`);
    const { durable, durableTerm, lost } = this.#node(to);
    // Who has been deposed does not know it yet, and hands over what nobody takes.
    if (durableTerm > term) return;
    // A member may have been added since, in the same step.
    const ours = this.#node(from).known;
    // Its disk may have failed since it acknowledged what its leader goes by.
    const theirs = Math.max(...[durable, ...lost].map(({ terms }) => terms.length)) - 1;
    const isEnough = last >= ours && theirs >= last;
    demand(isEnough, () => `${to} is to lead after ${from} with ${theirs} entries`);
    this.#heirs.set(`${term} ${to}`, last);
  }

  #offer({ from, to, term, snapshot }: Extract<Message, { type: 'snapshot-offer' }>): void {
    const key = `${term} ${from}>${to}`;
    const { id, index, bytes } = snapshot;
    const before = this.#offers.get(key) ?? { id, index, bytes };
    const isHere = this.#node(to).durable.terms.length > before.index;
    const isOver = before.id === id || isHere || this.#unreadable.has(`${from} ${before.id}`);
    demand(isOver, () => `${from} begins to send ${id} to ${to}, which has not got ${before.id}`);
    this.#offers.set(key, { id, index, bytes });
  }

  /** Who has all of it needs no more of it, though the log behind it may not be on its disk yet. */
  #tell(status: Extract<Message, { type: 'snapshot-status' }>): void {
    const { from, to, term, id, offset, resend } = status;
    const key = `${term} ${to}>${from}`;
    const offer = this.#offers.get(key);
    if (!resend && offer?.id === id && offset === offer.bytes) this.#offers.delete(key);
  }

  /** What a leader takes to be on another's disk is there, unless a later leader has seen to it. */
  #checkMatches({ memory }: AbstractNode, { id: leader, term, members }: Status): void {
    for (const { id, match } of members) {
      const expected = memory.terms[match];
      const member = this.#nodes.get(id);
      const isCurrent = match > 0 && expected !== undefined && member?.durableTerm === term;
      if (!isCurrent) continue;
      const { durable, lost } = member;
      const isThere = [durable, ...lost].some(({ terms }) => terms[match] === expected);
      demand(isThere, () => `${leader} takes ${match}/t${expected} to be on the disk of ${id}`);
    }
  }

  #elect(id: NodeId, node: AbstractNode, term: number): void {
    const leader = this.#leaders.get(term);
    demand(leader === undefined, () => `${id} and ${leader} are both elected in term ${term}`);
    const votes = this.#votes.get(term);
    const configuration = this.#configurationOf(node.memory);
    demand(
      isQuorum(configuration, (voter) => votes?.get(voter) === id),
      () => `${id} is elected in term ${term} without the votes of a quorum`,
    );
    // An election may be so late that a later term has begun: that one's entries it may lack.
    const missing = this.#committed.terms.findIndex(
      (at, index) => (this.#committedIn[index] ?? 0) < term && node.memory.terms[index] !== at,
    );
    demand(missing === -1, () => `${id} is elected without ${missing}, which is committed`);
    this.#leaders.set(term, id);
  }

  #commit(id: NodeId, { memory }: AbstractNode, { term, commit, configuration }: Status): void {
    // One who has lost it since does not vote, so whoever is elected has it from the others.
    const has = (voter: NodeId): boolean => {
      const { durable, lost = [] } = this.#nodes.get(voter) ?? {};
      return [durable, ...lost].some((log) => log?.terms[commit] === term);
    };
    // A configuration may have followed in the same step, before or after the commit.
    const isHeld = [this.#configurationOf(memory), configuration].some((it) => isQuorum(it, has));
    const isReadable = (it: Configuration): boolean =>
      it.voters.some((voter) => has(voter) && !it.witnesses.includes(voter));
    const isKept = [this.#configurationOf(memory), configuration].some(isReadable);
    demand(isKept, () => `${id} commits ${commit}, and only witnesses have it on disk`);
    demand(isHeld, () => `${id} commits ${commit}/t${term}, and no quorum has it on disk`);
    const { terms } = this.#committed;
    const from = this.committedIndex;
    const way: Entry['term'][] = [term];
    for (let index = commit; index > from; index -= 1) {
      way.unshift(this.#entries.get(`${index}/${way[0]}`)?.before ?? -1);
    }
    demand(way[0] === terms[from], () => `${id} commits what replaces the committed ${from}`);
    for (const at of way.slice(1)) {
      const index = terms.length;
      terms.push(at);
      this.#committedIn.push(term);
      const configuration = this.#entries.get(`${index}/${at}`)?.configuration;
      if (configuration) this.#committed.configurations.push({ index, configuration });
    }
  }

  /** A leader may send what its disk has not been given yet. */
  #say({ from, prev, entries }: Extract<Message, { type: 'append' }>): void {
    let before = prev.term;
    for (const entry of entries) {
      this.#create(from, entry, before);
      before = entry.term;
    }
  }

  /** An entry that is seen for the first time is its leader's; seen again, it must be the same. */
  #create(id: NodeId, entry: Entry, before: number | undefined): void {
    const { index, term, kind } = entry;
    demand(before !== undefined, () => `${id} leaves a gap before ${index}`);
    const key = `${index}/${term}`;
    const known = this.#entries.get(key);
    const content = contentOf(entry);
    if (known === undefined) {
      const leader = this.#leaders.get(term);
      demand(leader === id, () => `${id} makes ${key}, and ${leader} leads term ${term}`);
      const configuration = kind === 'configuration' ? entry.configuration : undefined;
      this.#entries.set(key, { before, content, configuration });
      return;
    }
    demand(known.before === before, () => `${id} has ${key} behind another entry`);
    const isSame = [known.content, content].includes('withheld') || known.content === content;
    demand(isSame, () => `${id} has another ${key}`);
  }

  #vote(id: NodeId, term: number, candidate: NodeId): void {
    const votes = this.#votes.get(term) ?? new Map<NodeId, NodeId>();
    this.#votes.set(term, votes);
    const earlier = votes.get(id) ?? candidate;
    demand(earlier === candidate, () => `${id} votes twice in term ${term}`);
    votes.set(id, candidate);
  }

  #node(id: NodeId): AbstractNode {
    const node = this.#nodes.get(id);
    demand(node !== undefined, () => `${id} has never started`);
    return node;
  }

  #configurationOf({ configurations }: AbstractLog): Configuration {
    const latest = configurations.at(-1);
    demand(latest !== undefined, () => 'a log without members');
    return latest.configuration;
  }

  /** What a node begins with: the first voters with the entry that names them. */
  #firstLog(id: NodeId): AbstractLog {
    const log: AbstractLog = { terms: [0], configurations: [{ index: 0, configuration: nobody }] };
    if (this.initial.includes(id)) write(log, this.#first);
    return log;
  }

  #committedUpTo(index: number): AbstractLog {
    const { terms, configurations } = this.#committed;
    return {
      terms: terms.slice(0, index + 1),
      configurations: configurations.filter((each) => each.index <= index),
    };
  }
}

/** In force is the latest configuration of the log, committed or not. */
function checkMembers(id: NodeId, node: AbstractNode, theirs: Configuration): void {
  const ours = node.memory.configurations.at(-1)?.configuration ?? nobody;
  if (node.members?.[0] === ours && node.members[1] === theirs) return;
  const isSame = JSON.stringify(ours) === JSON.stringify(theirs);
  demand(isSame, () => `${id} goes by members that are not those of its log`);
  node.members = [ours, theirs];
}

function copy({ terms, configurations }: AbstractLog): AbstractLog {
  return { terms: [...terms], configurations: [...configurations] };
}

/** Takes back `index` and what is behind it. */
function cut(log: AbstractLog, index: number): void {
  log.terms.length = Math.min(log.terms.length, index);
  while ((log.configurations.at(-1)?.index ?? 0) >= index) log.configurations.pop();
}

function write(log: AbstractLog, entry: Entry): void {
  const { index, term } = entry;
  cut(log, index);
  log.terms.push(term);
  if (entry.kind === 'configuration') {
    log.configurations.push({ index, configuration: entry.configuration });
  }
}

/** One change at a time, and none before the term has committed something of its own. */
function checkChange(id: NodeId, { terms, configurations }: AbstractLog, status: Status): void {
  const before = configurations.at(-1)?.index ?? 0;
  demand(before <= status.commit, () => `${id} changes members before ${before} is committed`);
  // What it has committed before its own disk got it, it has made in this term.
  const isSettled = (terms[status.commit] ?? status.term) === status.term;
  demand(isSettled, () => `${id} changes members before it has committed in term ${status.term}`);
}

/** Entries are never changed, and are met again and again. */
const contents = new WeakMap<Entry, string>();

function contentOf(entry: Entry): string {
  const known = contents.get(entry);
  if (known !== undefined) return known;
  const content = readContent(entry);
  contents.set(entry, content);
  return content;
}

function readContent(entry: Entry): string {
  if (entry.kind === 'command') return String.fromCharCode(...entry.data);
  return entry.kind === 'configuration' ? JSON.stringify(entry.configuration) : entry.kind;
}
