import {
  Actor,
  type ActorClass,
  actor,
  BadOption,
  type Channel,
  channel,
  ChannelLost,
  type Receiver,
  rpc,
  type Schema,
  type Sender,
} from '@troupe/actor';
import {
  channelBehind,
  checkInteger,
  checkOptions,
  definitionOf,
  fitting,
  type OptionCheck,
  refusal,
} from '@troupe/actor/internal';

/** What a node knows of a channel by its name, should the channel be placed there. */
export interface NamedChannelOptions {
  /** Elements that may wait, 0 … 2 ** 31, for whoever opens it without saying. Default: 0. */
  readonly capacity?: number;
  /**
   * Checks, and may convert, each element, whichever node it comes from: a Standard Schema, which
   * must answer at once.
   */
  readonly schema?: Schema;
}

/** Named channels of one node, by name. */
export type NamedChannels = Readonly<Record<string, NamedChannelOptions>>;

/** The two ends of a channel that is known by name. */
export interface ChannelEnds<T> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;
}

/** The kind of `NamedChannel`, which is the runtime's own. */
export const CHANNEL_KIND = 'troupe.channel';

/**
 * The home of the channel that has this name: placed like an entity, and gone when the channel is
 * closed, so that the name then stands for a new one.
 */
@actor({ kind: CHANNEL_KIND })
export class NamedChannel extends Actor {
  #channel: Channel<unknown> | undefined;

  /** What this node knows of the name. */
  protected get declared(): NamedChannelOptions {
    return {};
  }

  @rpc open(capacity?: number): ChannelEnds<unknown> {
    const { sender, receiver } = (this.#channel ??= this.#make(capacity));
    if (capacity === undefined || capacity === sender.capacity) return { sender, receiver };
    const there = `channel '${this.key}' is there, with ${sender.capacity}`;
    const advice = `${there}; leave it out to take that`;
    throw refusal(new BadOption('capacity', capacity, advice));
  }

  /** The name moves to another node, or this node ends: what is buffered can still be received. */
  override stopping(): void {
    this.#channel?.tryClose(new ChannelLost('its home has ended', this.#channel.length));
  }

  #make(wanted: number | undefined): Channel<unknown> {
    const { capacity = 0, schema } = this.declared;
    const made = channel<unknown>(wanted ?? capacity, schema && { schema });
    channelBehind(made)?.core.whenClosed(() => this.stop());
    return made;
  }
}

const CHANNEL_OPTIONS: Readonly<Record<keyof NamedChannelOptions, OptionCheck>> = {
  capacity: checkCapacity,
  schema: fitting(
    (value) => typeof value === 'object' && value !== null && '~standard' in value,
    'give a Standard Schema',
  ),
};

/** @throws {BadOption} when one could not be made as it is described */
export function checkChannels(option: string, channels: unknown): void {
  const all: readonly unknown[] | object | null = typeof channels === 'object' ? channels : null;
  if (all === null || Array.isArray(all)) {
    const advice = 'give what there is to know of each by its name, such as { x: { capacity: 1 } }';
    throw new BadOption(option, channels, advice);
  }
  for (const [name, known] of Object.entries(all)) {
    checkOptions(`${option}['${name}']`, known, CHANNEL_OPTIONS);
  }
}

/** @throws {BadOption} when no channel can have it */
export function checkCapacity(option: string, capacity: unknown): void {
  checkInteger(option, capacity, [0, 2 ** 31]);
}

/** The class that a node hosts, which knows what the node has been told of its channels. */
export function namedChannels(all: NamedChannels): ActorClass {
  const declared = new Map(Object.entries(all)); // Names come from anywhere, `__proto__` as well.
  @actor({ kind: definitionOf(NamedChannel).kind })
  class DeclaredChannel extends NamedChannel {
    protected override get declared(): NamedChannelOptions {
      return declared.get(this.key) ?? {};
    }
  }
  return DeclaredChannel;
}
