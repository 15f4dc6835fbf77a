import type { MessagePort } from 'node:worker_threads';
import type { LogNews } from '@troupe/actor/internal';
import type { PeerIdentity, Secret, TlsCredentials } from '@troupe/remote';
import type { LogTuning } from '../log-options.ts';
import type { ToldError } from './orders.ts';

/** What the thread is started with: plain data, since nothing else can be copied. */
export interface EngineThreadStart {
  readonly self: PeerIdentity;
  /** Where it listens for lines; undefined for a node by itself. */
  readonly listen: string | undefined;
  readonly advertise: string | undefined;
  readonly secret: Secret | undefined;
  readonly tls: TlsCredentials | undefined;
  /** The directory of the node; undefined: in memory. */
  readonly data: string | undefined;
  readonly log: LogTuning | undefined;
  readonly tickMs: number | undefined;
  readonly handOverAfterMs: number;
  /** The way of orders and news. */
  readonly port: MessagePort;
}

/** What the node tells its thread beside orders. */
export type ThreadOrder =
  /** Where lines to that node are dialled. */
  | { readonly kind: 'address'; readonly node: string; readonly address: string }
  | { readonly kind: 'tls'; readonly tls: TlsCredentials };

/** What the thread tells its node beside news. */
export type ThreadNews =
  | { readonly kind: 'ready'; readonly address: string }
  | { readonly kind: 'failed'; readonly error: ToldError }
  | LogNews;
