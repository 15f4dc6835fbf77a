/** Whom a call comes from, as far as it has been proved. What `@rpc({ authorize })` looks at. */
export interface CallerIdentity {
  /**
   * `node`: a member of the cluster, which knows the secret or has a certificate; every actor of a
   * node calls in its name. `outsider`: let in by a token, with rights of its own.
   */
  readonly kind: 'node' | 'outsider';
  /**
   * From the certificate or the token. The certificate of a node need not bear that node's name; a
   * node without one is called as it calls itself.
   */
  readonly name: string;
  /** What else the certificate or the token says. */
  readonly claims?: Readonly<Record<string, unknown>>;
}
