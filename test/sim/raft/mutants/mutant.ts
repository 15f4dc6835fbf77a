import type { Mistake } from '../../mistake.ts';
import type { Theme } from '../swarm.ts';

/**
 * Mistakes that others have made, put into a copy of the compiled core. Each is one that a mature
 * implementation had and mended, named by where it was told; the simulator has to find it.
 */
export interface Mutant extends Mistake {
  /** The public report of it, or the section that warns of it. */
  readonly seen: string;
  /** Where it shows. Default: anywhere. */
  readonly theme?: Theme;
  /** Where to begin to look, when only one world in a hundred shows it. Default: 1. */
  readonly firstSeed?: number;
}

/** Lines of the body of a function, as the compiler indents them. */
export function lines(...text: readonly string[]): string {
  return text.join('\n    ');
}
