import type { Mistake } from '../mistake.ts';

/** A mistake in the compiled package. */
export interface Mutant extends Mistake {
  /** One of the first worlds finds it, so that it may be looked for in every run of the tests. */
  readonly isQuick?: boolean;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'a lock is given before its delay is over',
    file: 'coordination/claim-table.js',
    find: 'if (resource.delay !== undefined || resource.used + claim.take > resource.size)',
    replace: 'if (resource.used + claim.take > resource.size)',
  },
  {
    name: 'a lock is given while another holds it',
    isQuick: true,
    file: 'coordination/claim-table.js',
    find: 'if (resource.delay !== undefined || resource.used + claim.take > resource.size)',
    replace: 'if (resource.delay !== undefined)',
  },
  {
    name: 'a token is of the session, and not of the grant',
    isQuick: true,
    file: 'coordination/claim-table.js',
    find: 'claim.token = at;',
    replace: 'claim.token = claim.lease;',
  },
  {
    name: 'a snapshot forgets how much of a lock is taken',
    file: 'coordination/claim-table.js',
    find: 'if (claim.token > 0)\n            resource.used += claim.take;',
    replace: '',
  },
  {
    name: 'a renewal does not begin the time anew',
    isQuick: true,
    file: 'coordination/custodian.js',
    find: 'known?.entry === entry ? known.since + pause : now',
    replace: 'known !== undefined ? known.since + pause : now',
  },
  {
    name: 'a session ends by the wall clock',
    file: 'coordination/custodian.js',
    find: 'const now = env.now();\n        const late = now - this.#lastAt - CHECK_MS;',
    replace: 'const now = env.wallTime();\n        const late = 0;',
  },
  {
    name: 'a session trusts more time than the group gives',
    file: 'coordination/session.js',
    find: 'later(sentAt, this.ttlMs * TRUSTED)',
    replace: 'later(sentAt, this.ttlMs * 1.5)',
  },
  {
    name: 'a session counts from when the answer came',
    isQuick: true,
    file: 'coordination/session.js',
    find: 'this.#renewed(sentAt)',
    replace: 'this.#renewed(instant(env))',
  },
  {
    name: 'keys of a session stay when it ends',
    file: 'coordination/coordination-machine.js',
    find: 'this.store.dropLease(id, this.entry.index);',
    replace: '',
  },
  {
    name: 'a watch that resumes leaves a revision out',
    file: 'coordination/event-history.js',
    find: '.revision < revision)',
    replace: '.revision <= revision)',
  },
  {
    name: 'a snapshot forgets the history',
    file: 'coordination/event-history.js',
    find: 'this.#events = events.map(',
    replace: 'this.#events = [].map(',
  },
  {
    name: 'a watch is not told that it comes too late',
    isQuick: true,
    file: 'coordination/key-watch.js',
    find: 'if (this.#next < store.firstRevision)',
    replace: 'if (this.#next < 0)',
  },
  {
    name: 'a condition on a revision is not looked at',
    file: 'coordination/key-store.js',
    find: '(revision === undefined || revision === (item?.revision ?? 0))',
    replace: 'true',
  },
  {
    name: 'a command that comes again is executed again',
    file: 'session-table.js',
    find: 'if (known !== undefined)\n            return known;',
    replace: '',
  },
  {
    name: 'a query does not wait for the log',
    file: 'machine-client.js',
    find: 'await this.group.read(options);',
    replace: '',
  },
];
