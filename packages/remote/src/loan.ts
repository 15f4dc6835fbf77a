/** Something that a frame lends to the peer. Exactly one of the two is called, once. */
export interface Loan {
  /** What stands for it on the wire. */
  readonly content: readonly unknown[];
  /** The frame is not sent after all. */
  takeBack(): void;
  /** The frame was sent; nothing with another key is sure to arrive after it. */
  sentWith(key: unknown): void;
}
