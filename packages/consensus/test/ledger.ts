import { command, Machine, query } from '@troupe/consensus';

/** More than the account has: an error of the application's own. */
export class Overdrawn extends Error {
  override readonly name = 'Overdrawn';
  constructor(
    readonly account: string,
    readonly balance: number,
  ) {
    super(`${account} has ${balance}`);
  }
}

/** A machine with everything that machines may use. */
export class Ledger extends Machine {
  static override readonly errors = [Overdrawn];
  accounts = new Map<string, number>();
  /** Each command that was executed, in order. */
  log: string[] = [];
  times: number[] = [];

  @command deposit(account: string, amount: number): number {
    this.log.push(`deposit ${account} ${amount}`);
    return this.#change(account, amount);
  }

  @command withdraw(account: string, amount: number): number {
    const balance = this.accounts.get(account) ?? 0;
    if (amount > balance) throw new Overdrawn(account, balance);
    return this.#change(account, -amount);
  }

  /** An id, a time and chances, as the log has them. */
  @command draw(): { readonly id: number; readonly time: number; readonly chances: number[] } {
    const { index: id, time } = this.entry;
    this.times.push(time);
    return { id, time, chances: [this.entry.random(), this.entry.random()] };
  }

  @command list(): string[] {
    return this.log;
  }

  @command odd(kind: string): unknown {
    if (kind === 'promise') return Promise.reject(new Error('nobody hears this'));
    if (kind === 'function') return () => kind;
    if (kind === 'long') return 'x'.repeat(2 ** 20);
    throw new RangeError(`no kind ${kind}`);
  }

  @query balance(account: string): number {
    return this.accounts.get(account) ?? 0;
  }

  @query history(): readonly string[] {
    return this.log;
  }

  @query clock(): readonly number[] {
    return this.times;
  }

  @query chance(): number {
    return this.entry.random();
  }

  unmarked(): void {}

  #change(account: string, by: number): number {
    const balance = (this.accounts.get(account) ?? 0) + by;
    this.accounts.set(account, balance);
    return balance;
  }
}
