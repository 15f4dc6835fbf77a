/** What one process says to the one that watches it. */
export type Word =
  | { readonly kind: 'listens'; readonly address: string }
  /** It has learned this of another one, at this time of the machine's clock. */
  | {
      readonly kind: 'learned';
      readonly name: string;
      readonly incarnation: string;
      readonly state: 'alive' | 'suspect' | 'down' | 'left';
      readonly atMs: number;
    };
