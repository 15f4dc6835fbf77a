/** Channels as lists: slow, and plainly right. */

/** One operation, in one queue or, for a select, in several. */
export interface Operation {
  readonly id: number;
  /** What the program saw, once it is over. */
  outcome: string | undefined;
}

export interface SelectCase {
  readonly channel: number;
  /** Undefined: it receives. */
  readonly value: number | undefined;
}

interface Waiting {
  readonly operation: Operation;
  readonly value: number | undefined;
  /** How the operation says that this is what happened. */
  readonly say: (what: string) => string;
}

class ModelChannel {
  buffer: number[] = [];
  senders: Waiting[] = [];
  receivers: Waiting[] = [];
  end: string | undefined;

  constructor(readonly capacity: number) {}

  canSend(): boolean {
    return this.end !== undefined || this.receivers.length > 0 || this.hasRoom();
  }

  canReceive(): boolean {
    return this.end !== undefined || this.buffer.length > 0 || this.senders.length > 0;
  }

  hasRoom(): boolean {
    return this.buffer.length < this.capacity;
  }
}

const plainly = (what: string): string => what;

export class Model {
  readonly channels: readonly ModelChannel[];
  readonly operations: Operation[] = [];

  constructor(capacities: readonly number[]) {
    this.channels = capacities.map((capacity) => new ModelChannel(capacity));
  }

  begin(): Operation {
    const operation: Operation = { id: this.operations.length, outcome: undefined };
    this.operations.push(operation);
    return operation;
  }

  send(operation: Operation, to: SelectCase & { readonly value: number }, isTry: boolean): void {
    const { channel, value } = to;
    const c = this.#channel(channel);
    if (c.canSend()) operation.outcome = this.#sendNow(c, value);
    else if (isTry) operation.outcome = 'full';
    else c.senders.push({ operation, value, say: plainly });
  }

  receive(operation: Operation, at: number, isTry: boolean): void {
    const c = this.#channel(at);
    if (c.canReceive()) operation.outcome = this.#receiveNow(c);
    else if (isTry) operation.outcome = 'empty';
    else c.receivers.push({ operation, value: undefined, say: plainly });
  }

  /** @returns which cases can go on; when none can, the operation waits unless it only tries */
  select(operation: Operation, cases: readonly SelectCase[], isTry: boolean): number[] {
    const ready = cases.flatMap(({ channel, value }, i) => {
      const c = this.#channel(channel);
      return (value === undefined ? c.canReceive() : c.canSend()) ? [i] : [];
    });
    if (ready.length > 0) return ready;
    if (isTry) operation.outcome = 'nothing';
    else cases.forEach((each, i) => this.#park(operation, each, i));
    return [];
  }

  /** Lets case `i` go on, which is one of those that can. */
  goOn(operation: Operation, { channel, value }: SelectCase, i: number): void {
    const c = this.#channel(channel);
    const what = value === undefined ? this.#receiveNow(c) : this.#sendNow(c, value);
    operation.outcome = what === 'refused' ? what : `${i}: ${what}`;
  }

  close(operation: Operation, at: number, error: string | undefined): void {
    const c = this.#channel(at);
    operation.outcome = String(c.end === undefined);
    if (c.end !== undefined) return;
    c.end = error === undefined ? 'end' : `error ${error}`;
    for (let w = c.receivers[0]; w !== undefined; w = c.receivers[0]) this.#over(w, c.end);
    for (let w = c.senders[0]; w !== undefined; w = c.senders[0]) this.#over(w, 'refused');
  }

  abort(operation: Operation): void {
    if (operation.outcome !== undefined) return;
    this.#leave(operation);
    operation.outcome = 'aborted';
  }

  length(at: number): number {
    return this.#channel(at).buffer.length;
  }

  #channel(at: number): ModelChannel {
    return this.channels[at] as ModelChannel;
  }

  #park(operation: Operation, { channel, value }: SelectCase, i: number): void {
    const c = this.#channel(channel);
    const say = (what: string): string => (what === 'refused' ? what : `${i}: ${what}`);
    (value === undefined ? c.receivers : c.senders).push({ operation, value, say });
  }

  #sendNow(c: ModelChannel, value: number): string {
    if (c.end !== undefined) return 'refused';
    const [receiver] = c.receivers;
    if (receiver !== undefined) this.#over(receiver, `got ${value}`);
    else c.buffer.push(value);
    return 'sent';
  }

  #receiveNow(c: ModelChannel): string {
    const value = c.buffer.shift();
    const [sender] = c.senders;
    if (sender === undefined) return value === undefined ? String(c.end) : `got ${value}`;
    this.#over(sender, 'sent');
    if (value === undefined) return `got ${sender.value}`;
    c.buffer.push(sender.value as number);
    return `got ${value}`;
  }

  #over({ operation, say }: Waiting, what: string): void {
    this.#leave(operation);
    operation.outcome = say(what);
  }

  #leave(operation: Operation): void {
    for (const c of this.channels) {
      c.senders = c.senders.filter((waiting) => waiting.operation !== operation);
      c.receivers = c.receivers.filter((waiting) => waiting.operation !== operation);
    }
  }
}
