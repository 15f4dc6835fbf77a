import { initialConfiguration } from './configuration.ts';
import type { NodeId } from './entry.ts';
import { emptyLog, evict, extend } from './log.ts';
import { type Durable, type RaftOptions, settingsOf } from './options.ts';
import { addEntries } from './own-log.ts';
import { restartTimer } from './role.ts';
import { emptyOutbox, type State } from './state.ts';

const nothing: Durable = {
  hardState: { term: 0, votedFor: undefined, commit: 0 },
  base: { index: 0, term: 0 },
  entries: [],
  applied: 0,
};

/** The state of a node that starts: a follower that knows what its disk knows, and no more. */
export function initialState(options: RaftOptions): State {
  const { id, voters, seed, durable = nothing } = options;
  const settings = settingsOf(options);
  if (id === '') throw new RangeError("id is '': give this node a name");
  if (new Set(voters).size < voters.length) {
    throw new RangeError(`voters are ${voters.join(', ')}: name each one once`);
  }
  const { hardState, snapshot, base, applied } = durable;
  const nobody = { index: 0, configuration: initialConfiguration([]) };
  // A log from the first entry on names all members that there ever were.
  const oldest = base.index === 0 ? nobody : (snapshot ?? nobody);
  const commit = Math.max(hardState.commit, snapshot?.index ?? 0, applied);
  // Whoever leads its last term counts on what it has lost: only a later leader can make it good.
  const { term, votedFor, wholeFrom } = durable.damaged
    ? { term: hardState.term + 1, votedFor: undefined, wholeFrom: hardState.term + 1 }
    : { ...hardState, wholeFrom: 0 };
  const self: State = {
    id,
    settings,
    term,
    votedFor,
    role: 'follower',
    leader: undefined,
    log: emptyLog(base),
    snapshot,
    configurations: [{ index: oldest.index, configuration: oldest.configuration }],
    commit,
    applied,
    applying: applied,
    random: scatter(seed),
    tick: 0,
    // A leader may have been promised that this node elects nobody for a while.
    heardTick: settings.leaseReads && options.durable !== undefined ? 0 : -settings.electionTicks,
    timerTick: 0,
    timeoutTicks: 0,
    quiet: false,
    votes: new Map(),
    leading: undefined,
    incoming: undefined,
    disk: {
      token: 0,
      pending: [],
      hardState,
      unsavedFrom: 1,
      unsavedBytes: 0,
      installing: undefined,
      messages: [],
    },
    wholeFrom,
    full: false,
    bereft: false,
    restoring: undefined,
    out: emptyOutbox(),
  };
  load(self, durable);
  if (self.log.last === 0 && voters.length > 0) begin(self, voters);
  restartTimer(self);
  return self;
}

/** Seeds that are near each other must not make nodes that lose patience together (MurmurHash3). */
function scatter(seed: number): number {
  let x = seed | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16) || 1; // Zero is the one state that xorshift never leaves.
}

/**
 * The first entry of every log names the first voters; each of them writes the same one, of no
 * leader's term. So members are found in the log, or in a snapshot, and nowhere else.
 */
function begin(self: State, voters: readonly NodeId[]): void {
  const configuration = initialConfiguration(voters);
  addEntries(self, [{ kind: 'configuration', index: 1, term: 0, configuration }]);
}

function load(self: State, { entries, incoming, damaged, applied }: Durable): void {
  const { log, configurations, snapshot, settings } = self;
  const known = configurations[0]?.index ?? 0;
  for (const entry of entries) {
    extend(log, [entry]);
    evict(log, self.commit, settings.recentBytesMax);
    if (entry.kind === 'configuration' && entry.index > known) {
      configurations.push({ index: entry.index, configuration: entry.configuration });
    }
  }
  if (snapshot !== undefined && log.last < snapshot.index) {
    const { index, configuration } = snapshot;
    self.configurations = [{ index, configuration }];
  }
  if (damaged === true) self.commit = Math.max(applied, Math.min(self.commit, log.last));
  if (self.commit > log.last) {
    throw new RangeError(
      `the disk says that ${self.commit} is committed, and its log ends at ${log.last}: ` +
        'it has lost entries, so start it as damaged, or remove it and add a new one',
    );
  }
  log.durable = log.last;
  self.disk.unsavedFrom = log.last + 1;
  if (incoming !== undefined) {
    const { offset } = incoming;
    self.incoming = { snapshot: incoming.snapshot, received: offset, stored: offset };
  }
}
