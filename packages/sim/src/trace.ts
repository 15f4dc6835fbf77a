/** Lines kept for people; the digest covers all there ever were. */
const LINES_MAX = 2_000;

/** What happened in a world, in order: the last of it in words, all of it in one number. */
export class Trace {
  readonly #lines: string[] = [];
  #next = 0;
  #count = 0;
  #low = 0x811c9dc5;
  #high = 0x01000193;

  add(nowMs: number, what: string): void {
    const line = `${nowMs.toFixed(3).padStart(12)}  ${what}`;
    this.#lines[this.#next] = line;
    this.#next = (this.#next + 1) % LINES_MAX;
    this.#count += 1;
    for (let i = 0; i < line.length; i += 1) {
      this.#low = Math.imul(this.#low ^ line.charCodeAt(i), 0x01000193);
      this.#high = Math.imul(this.#high ^ this.#low, 0x85ebca6b);
    }
  }

  get count(): number {
    return this.#count;
  }

  /** Equal for two runs in which the same happened at the same times. */
  get digest(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, '0');
    return `${hex(this.#high)}${hex(this.#low)}`;
  }

  /** The last lines, oldest first. */
  tail(lines: number = 40): readonly string[] {
    const older = this.#lines.slice(this.#next);
    return [...older, ...this.#lines.slice(0, this.#next)].slice(-lines);
  }
}
