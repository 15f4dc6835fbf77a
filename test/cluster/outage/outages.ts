import { setTimeout as sleep } from 'node:timers/promises';
import type { Crew, Learned, Member } from './crew.ts';
import type { Hosts } from './hosts.ts';

/** One thing that went wrong on purpose, and what the processes made of it. */
export interface Outage {
  readonly what: string;
  /** All in milliseconds, but for counts. */
  readonly figures: Readonly<Record<string, number>>;
  /** Members that were given up although nothing was wrong with them, and by whom. */
  readonly wrong: readonly string[];
}

export interface Limits {
  /** For finding together, and for finding out. */
  readonly limitMs: number;
}

/** `kill -9` of `count` at once. */
export async function killed(crew: Crew, count: number, { limitMs }: Limits): Promise<Outage> {
  const victims = notSeeds(crew).slice(0, count);
  const names = namesOf(victims);
  const sinceMs = Date.now();
  for (const victim of victims) victim.kill('SIGKILL');
  await crew.until(
    () => victims.every(({ isRunning }) => !isRunning) && !someSee(crew.running, names),
    { what: 'all give up those that were killed', limitMs },
  );
  const delays = victims.map(({ name }) => delaysOf(crew, name, sinceMs));
  const figures = {
    'processes left': crew.running.length,
    killed: count,
    'first to know, p50': quantile(delays.map(first), 0.5),
    'first to know, last of them': Math.max(...delays.map(first)),
    'all know, p50': quantile(delays.flat(), 0.5),
    'all know, last': Math.max(...delays.flat()),
  };
  return { what: 'killed', figures, wrong: givenUp(crew, { sinceMs, except: names }) };
}

/** SIGSTOP of `count` at once, and SIGCONT after `forMs`. */
export async function paused(
  crew: Crew,
  count: number,
  { forMs, limitMs }: Limits & { readonly forMs: number },
): Promise<Outage> {
  const victims = notSeeds(crew).slice(0, count);
  const names = namesOf(victims);
  const sinceMs = Date.now();
  for (const victim of victims) victim.kill('SIGSTOP');
  await sleep(forMs);
  for (const victim of victims) victim.kill('SIGCONT');
  const togetherMs = await crew.together(limitMs);
  const wasGivenUp = (name: string): boolean => delaysOf(crew, name, sinceMs).length > 0;
  const figures = {
    paused: count,
    'for ms': forMs,
    'given up meanwhile': names.filter(wasGivenUp).length,
    'all are back after': togetherMs,
  };
  return { what: 'paused', figures, wrong: givenUp(crew, { sinceMs, except: names }) };
}

/** The main loops of `count`, and that of the one who leads, compute for `forMs`. */
export async function blocked(
  crew: Crew,
  count: number,
  { forMs, limitMs }: Limits & { readonly forMs: number },
): Promise<Outage> {
  await crew.until(() => crew.lead?.leader !== undefined, { what: 'somebody leads', limitMs });
  const { leader = '', epoch } = crew.lead ?? {};
  const others = notSeeds(crew).filter(({ name }) => name !== leader);
  const victims = [crew.member(leader), ...others.slice(0, count)];
  const names = namesOf(victims);
  const sinceMs = Date.now();
  for (const victim of victims) victim.block(forMs);
  const areBack = (): boolean => victims.every(({ isBlocked }) => !isBlocked);
  await crew.until(areBack, { what: 'all that were blocked go on', limitMs: forMs + limitMs });
  const togetherMs = await crew.together(limitMs);
  const wasGivenUp = (name: string): boolean => delaysOf(crew, name, sinceMs).length > 0;
  const figures = {
    blocked: victims.length,
    'for ms': forMs,
    'given up meanwhile': names.filter(wasGivenUp).length,
    'of them leaders': 1,
    'leaders on a thread': crew.hasThread(leader) ? 1 : 0,
    'leads kept': crew.lead?.epoch === epoch ? 1 : 0,
    'all are back after': togetherMs,
  };
  // Whose gossip is on a thread answers all the while.
  const except = names.filter((name) => !crew.hasThread(name));
  return { what: 'blocked', figures, wrong: givenUp(crew, { sinceMs, except }) };
}

/** `kill -9` of one, and a process with its name in its place at once. */
export async function restarted(crew: Crew, { limitMs }: Limits): Promise<Outage> {
  const [victim] = notSeeds(crew);
  if (victim === undefined) throw new RangeError('there is nobody to restart');
  const sinceMs = Date.now();
  await victim.end();
  const member = await crew.start(victim.name, limitMs);
  const listensMs = Date.now() - sinceMs;
  await crew.together(limitMs);
  const figures = {
    'listens again after': listensMs,
    'all see it anew after': Date.now() - sinceMs,
  };
  const wrong = givenUp(crew, { sinceMs, except: [member.name] });
  return { what: 'restarted', figures, wrong };
}

/** What one sends to another is lost, for `forMs`; all else arrives. */
export async function cutOneWay(
  crew: Crew,
  hosts: Hosts,
  { forMs, limitMs }: Limits & { readonly forMs: number },
): Promise<Outage> {
  const [from, to] = namesOf(notSeeds(crew));
  if (from === undefined || to === undefined) throw new RangeError('a cut takes two');
  const sinceMs = Date.now();
  hosts.cut([from], [to]);
  await sleep(forMs);
  hosts.mend([from], [to]);
  const togetherMs = await crew.together(limitMs);
  const figures = { 'for ms': forMs, 'all see all after': togetherMs };
  return { what: 'cut one way', figures, wrong: givenUp(crew, { sinceMs, except: [] }) };
}

/** Two halves that hear nothing of each other, for `forMs`. */
export async function partitioned(
  crew: Crew,
  hosts: Hosts,
  { forMs, limitMs }: Limits & { readonly forMs: number },
): Promise<Outage> {
  const names = namesOf(crew.running);
  const sides = [0, 1].map((side) => names.filter((_, i) => i % 2 === side));
  const [left = [], right = []] = sides;
  const sinceMs = Date.now();
  hosts.cut(left, right);
  hosts.cut(right, left);
  const startedAtMs = performance.now();
  const apartMs = await crew.until(
    () =>
      !someSee(
        left.map((name) => crew.member(name)),
        right,
      ) &&
      !someSee(
        right.map((name) => crew.member(name)),
        left,
      ),
    { what: 'each side gives up the other', limitMs },
  );
  await sleep(Math.max(0, forMs - (performance.now() - startedAtMs)));
  hosts.mend(left, right);
  hosts.mend(right, left);
  const togetherMs = await crew.together(limitMs);
  const wrong = sides.flatMap((side) => {
    const by = side.map((name) => crew.member(name));
    return givenUp(crew, { sinceMs, except: side === left ? right : left, by });
  });
  const figures = {
    hosts: names.length,
    'each side alone after': apartMs,
    'for ms': forMs,
    'all see all after': togetherMs,
  };
  return { what: 'partitioned', figures, wrong };
}

/** The first two are seeds of those that start later. */
function notSeeds(crew: Crew): readonly Member[] {
  return crew.running.slice(2);
}

function namesOf(members: readonly Member[]): readonly string[] {
  return members.map(({ name }) => name);
}

function someSee(members: readonly Member[], names: readonly string[]): boolean {
  return members.some((member) => names.some((name) => member.sees(name)));
}

/** What is learned in the very millisecond in which an outage begins is of the one before it. */
function hasGivenUp({ state, atMs }: Learned, sinceMs: number): boolean {
  return state === 'down' && atMs > sinceMs;
}

/** When each process gave up `name`, after `sinceMs`. */
function delaysOf(crew: Crew, name: string, sinceMs: number): readonly number[] {
  return crew.running
    .map(({ learned }) => learned.find((l) => l.name === name && hasGivenUp(l, sinceMs)))
    .filter((found) => found !== undefined)
    .map(({ atMs }) => atMs - sinceMs);
}

function givenUp(
  crew: Crew,
  scope: {
    readonly sinceMs: number;
    readonly except: readonly string[];
    readonly by?: readonly Member[];
  },
): readonly string[] {
  const { sinceMs, except, by = crew.running } = scope;
  return by.flatMap((member) =>
    member.learned
      .filter((learned) => hasGivenUp(learned, sinceMs) && !except.includes(learned.name))
      .map(({ name, atMs }) => `${name} by ${member.name} after ${atMs - sinceMs} ms`),
  );
}

function first(delays: readonly number[]): number {
  return Math.min(...delays);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}
