import {
  isSameNode,
  type Member,
  type MemberEvent,
  type MemberMeta,
  type MemberState,
  type MemberView,
} from './member.ts';
import type { ClusterEvent, ClusterObserver, MemberChange } from './cluster-event.ts';

/**
 * One node's view of the cluster and those who watch it. One row a name: a newer incarnation
 * takes the place of the one before it.
 */
export class MemberTable {
  readonly #rows = new Map<string, Member>();
  readonly #watchers = new Set<Watcher>();
  readonly #observers = new Set<ClusterObserver>();
  readonly #selfName: string;
  #view: MemberView;

  constructor(self: Member) {
    this.#selfName = self.name;
    this.#rows.set(self.name, self);
    this.#view = { version: 1, self, members: [self] };
  }

  get view(): MemberView {
    return this.#view;
  }

  get(name: string): Member | undefined {
    return this.#rows.get(name);
  }

  /** Takes in a member, or what has changed of it. */
  put(member: Member): void {
    const known = this.#rows.get(member.name);
    if (known !== undefined && isEqual(known, member)) return;
    const replaces = known !== undefined && !isSameNode(known, member);
    // Watchers of the incarnation that is replaced learn its end before the new one's beginning.
    if (replaces && isPresent(known.state)) {
      this.#change('down', { ...known, state: 'down' });
      this.tell({ kind: 'failed', member: this.#rows.get(member.name) ?? known });
    }
    const before = replaces ? undefined : known;
    this.#change(before?.state === member.state ? 'changed' : EVENT_OF[member.state], member);
    if (member.name !== this.#selfName) this.tell({ kind: changeOf(before, member), member });
  }

  /** Tells all observers, which must not throw. */
  tell(event: ClusterEvent): void {
    for (const observer of this.#observers) observer(event);
  }

  observe(observer: ClusterObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  setState(name: string, state: MemberState): void {
    const known = this.#rows.get(name);
    if (known !== undefined) this.put({ ...known, state });
  }

  setMeta(meta: MemberMeta): void {
    this.put({ ...this.#view.self, meta });
  }

  /** Forgets a member that is down or has left; nobody is told again. */
  forget(name: string): void {
    const known = this.#rows.get(name);
    if (known === undefined || isPresent(known.state)) return;
    this.#rows.delete(name);
    this.#refresh();
  }

  async *watch(signal: AbortSignal): AsyncIterable<MemberEvent> {
    const watcher = new Watcher();
    for (const member of this.#view.members) {
      const kind = member.state === 'alive' ? 'up' : EVENT_OF[member.state];
      watcher.push({ kind, member, version: this.#view.version });
    }
    this.#watchers.add(watcher);
    const wake = (): void => watcher.wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        const event = watcher.shift();
        if (event === undefined) await watcher.woken();
        else yield event;
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#watchers.delete(watcher);
    }
  }

  #change(kind: MemberEvent['kind'], member: Member): void {
    this.#rows.set(member.name, member);
    this.#refresh();
    const event: MemberEvent = { kind, member, version: this.#view.version };
    for (const watcher of this.#watchers) watcher.push(event);
  }

  #refresh(): void {
    const members = [...this.#rows.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const self = this.#rows.get(this.#selfName) ?? this.#view.self;
    this.#view = { version: this.#view.version + 1, self, members };
  }
}

const EVENT_OF: Record<MemberState, MemberEvent['kind']> = {
  alive: 'up',
  suspect: 'suspect',
  down: 'down',
  left: 'left',
};

function changeOf(before: Member | undefined, { state, meta }: Member): MemberChange {
  if (state === 'left') return 'left';
  if (state === 'down') return 'failed';
  if (before?.state !== state) {
    if (state === 'suspect') return 'suspected';
    return before?.state === 'suspect' ? 'refuted' : 'joined';
  }
  const isStalled = meta.isStalled === true;
  if ((before.meta.isStalled === true) === isStalled) return 'changed';
  return isStalled ? 'stalled' : 'resumed';
}

/** Counts as part of the cluster: a suspect does, until it is given up. */
export function isPresent(state: MemberState): boolean {
  return state === 'alive' || state === 'suspect';
}

function isEqual(a: Member, b: Member): boolean {
  return (
    isSameNode(a, b) &&
    a.address === b.address &&
    a.state === b.state &&
    a.meta.isStalled === b.meta.isStalled &&
    a.meta.consensusAddress === b.meta.consensusAddress &&
    isSameList(a.meta.kinds, b.meta.kinds) &&
    isSameList(a.meta.roles ?? [], b.meta.roles ?? [])
  );
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

/**
 * Events that one reader has not yet taken. At most one waits for each incarnation of a member, so
 * that a reader that never comes back costs no more than the view.
 */
class Watcher {
  readonly #events = new Map<string, MemberEvent>();
  #wake: (() => void) | undefined;

  push(event: MemberEvent): void {
    const id = `${event.member.name}@${event.member.incarnation}`;
    const unread = this.#events.get(id);
    // A reader that has not heard of the member's coming must not hear of a change first.
    const joined = event.kind === 'changed' && unread !== undefined;
    this.#events.delete(id); // To the end: versions must increase.
    this.#events.set(id, joined ? { ...event, kind: unread.kind } : event);
    this.wake();
  }

  shift(): MemberEvent | undefined {
    for (const [id, event] of this.#events) {
      this.#events.delete(id);
      return event;
    }
    return undefined;
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  woken(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
