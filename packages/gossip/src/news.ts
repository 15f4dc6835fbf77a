import type { Core } from './core.ts';
import { INCARNATION_MAX, Member } from './member.ts';
import type { Alive, Failed, Left, Suspect, Update } from './message.ts';
import { Suspicion, suspicionTimes } from './suspicion.ts';

/**
 * Takes in one piece of news. What is newer by (generation, incarnation) counts; of one moment,
 * the worse: alive, suspect, failed, left.
 * @returns whether this member knows better already, and could say so
 */
export function learn(core: Core, update: Update): boolean {
  if (update.name === core.self.name) {
    if (update.kind === 'alive') learnOfNamesake(core, update);
    else object(core, update);
    return false;
  }
  const member = core.roster.get(update.name);
  if (update.kind === 'alive') return learnAlive(core, member, update);
  // Of somebody unknown, or of a later life, there is nothing to be said without its address.
  if (member === undefined || member.generation < update.generation) return false;
  if (member.isAfter(update.generation, update.incarnation)) return true;
  switch (update.kind) {
    case 'suspect':
      learnSuspect(core, member, update);
      break;
    case 'failed':
      learnFailed(core, member, update);
      break;
    case 'left':
      learnLeft(core, member, update);
      break;
  }
  return false;
}

function learnAlive(core: Core, member: Member | undefined, update: Alive): boolean {
  if (!hasCommonVersion(core.self, update)) {
    core.tell({ kind: 'excluded', name: update.name, why: 'no common version' });
    return false;
  }
  if (member === undefined) {
    if (core.roster.known >= core.settings.membersMax) core.roster.forgetOldest();
    if (core.roster.known >= core.settings.membersMax) {
      core.tell({ kind: 'excluded', name: update.name, why: 'too many members' });
      return false;
    }
    const joined = new Member(update, core.nowMs);
    core.roster.add(joined);
    noteChange(core, joined, update);
    core.tell({ kind: 'joined', member: joined.status() });
    return false;
  }
  if (member.generation < update.generation) replace(core, member, update);
  else if (member.generation > update.generation) return true;
  else if (member.incarnation > update.incarnation) return true;
  else if (member.incarnation === update.incarnation) return member.state !== 'alive';
  else if (member.state === 'left') return true; // That life is over, whatever it said before.
  else revive(core, member, update);
  return false;
}

function hasCommonVersion(a: Alive, b: Alive): boolean {
  return a.versionMin <= b.versionMax && b.versionMin <= a.versionMax;
}

/** A new process has the name: the one before it is gone, noticed or not. */
function replace(core: Core, member: Member, update: Alive): void {
  if (member.isPresent && member.address !== update.address) {
    core.tell({ kind: 'conflict', member: member.status(), address: update.address });
  }
  if (member.isPresent) {
    setState(core, member, 'failed');
    core.tell({ kind: 'failed', member: member.status() });
  }
  member.wasConvicted = false;
  takeWord(core, member, update);
  core.tell({ kind: 'joined', member: member.status() });
}

function revive(core: Core, member: Member, update: Alive): void {
  const { state, said } = member;
  takeWord(core, member, update);
  if (state === 'suspect') core.tell({ kind: 'refuted', member: member.status() });
  if (state === 'failed') core.tell({ kind: 'joined', member: member.status() });
  if (state !== 'failed' && (!isEqual(said.meta, update.meta) || said.address !== update.address)) {
    core.tell({ kind: 'changed', member: member.status() });
  }
}

function takeWord(core: Core, member: Member, update: Alive): void {
  core.roster.change(member, () => {
    member.said = update;
    member.incarnation = update.incarnation;
    member.state = 'alive';
    member.suspicion = undefined;
    member.deaf = 0;
  });
  noteChange(core, member, update);
}

function learnSuspect(core: Core, member: Member, update: Suspect): void {
  const isNewer = update.incarnation > member.incarnation;
  if (member.state === 'failed' || member.state === 'left') {
    // Whatever is admitted raises what is stored, or an older word could revive it later.
    if (isNewer) raise(core, member, update.incarnation);
    return;
  }
  if (member.suspicion !== undefined) {
    if (isNewer) raise(core, member, update.incarnation);
    const isCredible = update.health <= core.settings.credibleHealthMax;
    if (isCredible && member.suspicion.confirm(update.by, core.nowMs)) core.rumors.add(update);
    return;
  }
  const { settings } = core;
  core.roster.change(member, () => {
    member.state = 'suspect';
    member.incarnation = update.incarnation;
    const times = suspicionTimes(settings, core.size);
    member.suspicion = new Suspicion(update.by, core.nowMs, times);
  });
  noteChange(core, member, update);
  core.accused.push(member);
  core.tell({ kind: 'suspected', member: member.status() });
}

function learnFailed(core: Core, member: Member, update: Failed): void {
  if (member.state === 'failed' || member.state === 'left') {
    if (update.incarnation > member.incarnation) raise(core, member, update.incarnation);
    return;
  }
  if (!update.proof && !isCredible(core, member)) {
    const { name, generation, incarnation, by } = update;
    learnSuspect(core, member, { kind: 'suspect', name, generation, incarnation, by, health: 0 });
    // Whoever says so has waited long enough; what is left to hear is an objection.
    member.suspicion?.hasten(core.nowMs);
    return;
  }
  core.roster.change(member, () => {
    member.incarnation = update.incarnation;
    member.state = 'failed';
    member.suspicion = undefined;
  });
  if (update.proof) member.wasConvicted = true;
  noteChange(core, member, update);
  core.tell({ kind: 'failed', member: member.status() });
}

/**
 * Whether it is seen here as well that `member` is gone, and it has had its time to object. Else
 * somebody may have lost sight of it, or of everybody: who comes back from the other side of a
 * partition says so of all on this side.
 */
function isCredible({ settings, nowMs }: Core, { suspicion, heardAtMs }: Member): boolean {
  if (!settings.passiveEvidence) return true;
  return suspicion?.isHalfOver(nowMs) === true && heardAtMs <= suspicion.startedAtMs;
}

function learnLeft(core: Core, member: Member, update: Left): void {
  if (member.state === 'left') return;
  const wasPresent = member.isPresent;
  core.roster.change(member, () => {
    member.incarnation = update.incarnation;
    member.state = 'left';
    member.suspicion = undefined;
  });
  noteChange(core, member, update);
  if (wasPresent) core.tell({ kind: 'left', member: member.status() });
}

function raise(core: Core, member: Member, incarnation: number): void {
  core.roster.change(member, () => {
    member.incarnation = incarnation;
  });
}

function setState(core: Core, member: Member, state: 'failed'): void {
  core.roster.change(member, () => {
    member.state = state;
    member.suspicion = undefined;
  });
}

function noteChange(core: Core, member: Member, update: Update): void {
  member.changedAtMs = Math.floor(core.nowMs);
  core.changedAtMs = core.nowMs;
  core.rumors.add(update);
}

/** Somebody says that this member is suspect or gone: it says otherwise, with a later word. */
function object(core: Core, accusation: Suspect | Failed | Left): void {
  const { generation, incarnation } = core.self;
  if (core.isLeaving || accusation.generation < generation) return;
  if (accusation.generation > generation) {
    // Of a later process with this name, whose clock was ahead; it is gone, and this one runs.
    if (core.mayOutlive()) beginGeneration(core, accusation.generation + 1);
  } else if (accusation.kind === 'left') {
    beginGeneration(core, generation + 1);
  } else if (accusation.incarnation >= incarnation) {
    speakAnew(core, accusation.incarnation + 1);
    core.doubt(1);
  }
}

function learnOfNamesake(core: Core, update: Alive): void {
  const { generation, address } = core.self;
  if (core.isLeaving) return;
  if (update.address === address) {
    // An earlier process at this address, whose clock was ahead, or an earlier core of this one:
    // two cannot be there at once.
    const isSame = update.generation === generation;
    if (isSame ? !isLater(update, core.self) : update.generation < generation) return;
    if (!core.mayOutlive()) return;
    if (isSame) speakAnew(core, update.incarnation + 1);
    else beginGeneration(core, update.generation + 1);
    return;
  }
  if (update.generation > generation) {
    core.tell({ kind: 'taken', address: update.address, isSure: false });
  }
}

/** Whether `other`, of the same life, makes what is said with `own` nothing new. */
function isLater(other: Alive, own: Alive): boolean {
  if (other.incarnation !== own.incarnation) return other.incarnation > own.incarnation;
  return !isEqual(other.meta, own.meta);
}

/** Says once more that this member is alive, with a word later than any before. */
export function speakAnew(core: Core, incarnation: number): void {
  if (incarnation > INCARNATION_MAX) return beginGeneration(core, core.self.generation + 1);
  core.self = { ...core.self, incarnation };
  core.rumors.add(core.self);
  core.changedAtMs = core.nowMs;
}

/** After the last generation there is none: this member takes part in that one. */
function beginGeneration(core: Core, generation: number): void {
  const isLast = generation > Number.MAX_SAFE_INTEGER;
  if (isLast && core.self.generation === Number.MAX_SAFE_INTEGER) return;
  const life = isLast
    ? { generation: Number.MAX_SAFE_INTEGER, incarnation: 1 }
    : { generation, incarnation: 0 };
  core.self = { ...core.self, ...life };
  core.rumors.add(core.self);
  core.changedAtMs = core.nowMs;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, i) => byte === b[i]));
}
