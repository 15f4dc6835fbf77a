import {
  Actor,
  actor,
  type Channel,
  channel,
  ChannelLost,
  type Receiver,
  rpc,
  type Sender,
} from '@troupe/actor';
import { channelBehind } from '@troupe/actor/internal';

/** The two ends of a channel that is known by name. */
export interface ChannelEnds<T> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;
}

/**
 * The home of the channel that has this name: placed like an entity, and gone when the channel is
 * closed, so that the name then stands for a new one.
 */
@actor({ kind: 'troupe.channel' })
export class NamedChannel extends Actor {
  #channel: Channel<unknown> | undefined;

  @rpc open(capacity?: number): ChannelEnds<unknown> {
    const { sender, receiver } = (this.#channel ??= this.#make(capacity));
    if (capacity === undefined || capacity === sender.capacity) return { sender, receiver };
    throw new RangeError(
      `channel '${this.key}' has a capacity of ${sender.capacity}, and not of ${capacity}; ` +
        'leave it out to take what is there',
    );
  }

  /** The name moves to another node, or this node ends: what is buffered can still be received. */
  override stopping(): void {
    this.#channel?.tryClose(new ChannelLost('its home has ended', this.#channel.length));
  }

  #make(capacity = 0): Channel<unknown> {
    const made = channel<unknown>(capacity);
    channelBehind(made)?.core.whenClosed(() => this.stop());
    return made;
  }
}
