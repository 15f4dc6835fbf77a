import type { PatienceParts } from './patience.ts';
import type { SessionParts } from './session.ts';
import type { Sessions } from './sessions.ts';

/** What all that coordinates on one node shares. */
export interface CoordinationParts extends SessionParts, PatienceParts {
  readonly sessions: Sessions;
  /** Resolves after so many milliseconds by this node's clock. */
  pause(ms: number): Promise<void>;
}
