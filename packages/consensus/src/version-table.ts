import { BadBytes } from '@troupe/remote';
import { isCount } from './count.ts';

/** Members of one group, at most. */
const MEMBERS_MAX = 1_024;

/** The versions in a snapshot: what is in use for good, and of each member what it runs. */
export type SavedVersions = readonly [
  used: number,
  members: readonly (readonly [node: string, version: number])[],
];

/**
 * Which version of the class each member runs, as a part of the state: the same table on every
 * node. Whoever runs another than 1 says so in the log, together with the members that it knows.
 */
export class VersionTable {
  #members = new Map<string, number>();
  /** Commands of this version are in the log, so there is no way back. */
  #used = 1;

  #common = 1;

  /** Commands that came with a later version are not executed yet. */
  get common(): number {
    return this.#common; // Every command looks at it.
  }

  /** @param members who takes part by now; of others nothing is kept */
  tell(node: string, version: number, members: readonly string[]): void {
    const before = this.#members;
    this.#members = new Map(members.map((member) => [member, before.get(member) ?? 1]));
    if (this.#members.has(node)) this.#members.set(node, version);
    this.#changed();
  }

  use(version: number): void {
    if (version <= this.#used) return;
    this.#used = version;
    this.#changed();
  }

  /** Whether nothing would change if it were told. */
  knows(node: string, version: number, members: readonly string[]): boolean {
    const isSame = members.length === this.#members.size;
    const areKnown = members.every((member) => this.#members.has(member));
    return isSame && areKnown && this.of(node) === version;
  }

  of(node: string): number {
    return this.#members.get(node) ?? 1;
  }

  save(): SavedVersions | undefined {
    if (this.#members.size === 0 && this.#used === 1) return undefined;
    return [this.#used, [...this.#members]];
  }

  load([used, members]: SavedVersions): void {
    this.#used = used;
    this.#members = new Map(members);
    this.#changed();
  }

  #changed(): void {
    const least = this.#members.size === 0 ? 1 : Math.min(...this.#members.values());
    this.#common = Math.max(this.#used, least);
  }
}

/** Names of members, as they were read; undefined when they are none. */
export function checkedMembers(names: unknown): readonly string[] | undefined {
  const isRight = Array.isArray(names) && names.length <= MEMBERS_MAX;
  return isRight && names.every((name) => typeof name === 'string') ? names : undefined;
}

/** @throws {BadBytes} when what a snapshot has in their place is none */
export function checkedVersions(saved: unknown): SavedVersions {
  const [used, members] = listFrom(saved);
  if (isCount(used) && areVersions(members)) return [used, members];
  throw new BadBytes('the versions in the snapshot of a machine');
}

function areVersions(value: unknown): value is SavedVersions[1] {
  return Array.isArray(value) && value.length <= MEMBERS_MAX && value.every(isVersion);
}

function isVersion(value: unknown): value is SavedVersions[1][number] {
  const [node, version] = listFrom(value);
  return typeof node === 'string' && isCount(version);
}

/** None of what is no list. */
function listFrom(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
