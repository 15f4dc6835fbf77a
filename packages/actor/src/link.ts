import type { Cell } from './cell.ts';
import { LinkBroken } from './errors.ts';
import type { Recipient } from './recipient.ts';
import { isRef, recipientOf } from './ref-core.ts';
import { type AnyRef } from './ref.ts';

/** What the other side of a link is told. No method can have such a name. */
export const LINK = '~link';
export const UNLINK = '~unlink';

export function isLinkMessage(name: string): boolean {
  return name === LINK || name === UNLINK;
}

/** The links of one actor. */
export class Links {
  readonly #cell: Cell;
  readonly #unlinks = new Map<string, () => void>();

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** From now on `cell` fails when `other` goes down by a failure. @returns ends it */
  add(other: Recipient): () => void {
    const { address } = other;
    this.remove(address);
    const forget = other.monitor(({ reason }) => {
      this.remove(address);
      if (reason.kind === 'stopped') return;
      const cause = 'error' in reason ? reason.error : undefined;
      const error = new LinkBroken(address, reason.kind, { cause });
      this.#cell.fail({ method: 'link', error, isFatal: true });
    });
    const disown = this.#cell.owns(() => this.remove(address));
    this.#unlinks.set(address, () => {
      disown();
      forget();
    });
    return () => this.remove(address);
  }

  /** Harmless when there is no link to it. */
  remove(address: string): void {
    const unlink = this.#unlinks.get(address);
    this.#unlinks.delete(address);
    unlink?.();
  }

  /** @returns whether the message makes sense */
  receive(name: string, args: readonly unknown[]): boolean {
    const [ref] = args;
    if (typeof ref !== 'object' || ref === null || !isRef(ref)) return false;
    const other = recipientOf(ref as AnyRef);
    if (name === LINK) this.add(other);
    else this.remove(other.address);
    return true;
  }
}
