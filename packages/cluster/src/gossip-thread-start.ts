import type { GossipEvent, Input } from '@troupe/gossip';
import type { Delivery, EngineOptions, GossipCounters, Parcel } from './gossip-engine.ts';
import type { PacketKey } from './keyring.ts';

/** A keyring as it crosses to the thread. */
export interface KeyList {
  readonly inUse: PacketKey;
  readonly keys: readonly PacketKey[];
}

/** What of an engine is data. */
export type EngineSelf = Omit<
  EngineOptions,
  'env' | 'keys' | 'deliver' | 'onEvent' | 'onWatch' | 'onForeign' | 'onWord'
>;

/** What the thread is started with: plain data, since nothing else can be copied. */
export interface GossipThreadStart {
  readonly self: EngineSelf;
  /** Where the socket for datagrams is bound. */
  readonly bind: string;
  readonly keys: KeyList | undefined;
  /** Of the board that main loop and thread have in common. */
  readonly board: SharedArrayBuffer;
}

/** What the node tells its thread. */
export type GossipOrder =
  | { readonly kind: 'input'; readonly input: Input }
  | { readonly kind: 'accept'; readonly id: number; readonly from: string; readonly parcel: Parcel }
  | { readonly kind: 'delivered'; readonly id: number; readonly delivery: Delivery }
  | { readonly kind: 'keys'; readonly keys: KeyList }
  | { readonly kind: 'settle' | 'leave'; readonly id: number }
  | { readonly kind: 'stop' };

/** What the thread tells its node. */
export type GossipNews =
  | { readonly kind: 'ready'; readonly noSocket: string | undefined }
  | { readonly kind: 'event'; readonly event: GossipEvent }
  | { readonly kind: 'watch'; readonly addresses: readonly string[] }
  | { readonly kind: 'foreign'; readonly address: string; readonly packets: number }
  | { readonly kind: 'deliver'; readonly id: number; readonly to: string; readonly parcel: Parcel }
  | { readonly kind: 'answer'; readonly id: number; readonly parcels: readonly Parcel[] }
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'counters'; readonly counters: GossipCounters };

/** Between two counts of the main loop. */
export const PULSE_MS = 100;
