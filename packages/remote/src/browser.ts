// The whole of a client in a browser: nothing here, nor below it, needs Node.js.
import { provideBuffer } from './browser-buffer.ts';
import { connect as connectAnywhere, type OutsiderClient } from './outsider-client.ts';
import type { OutsiderClientOptions } from './outsider-line.ts';

/**
 * Connects to the door that a node keeps for outsiders: `wss://app.example/troupe`.
 * @throws {OutsiderRefused} when the token is not accepted. {Unreachable} when nobody answers.
 */
export function connect(url: string, options: OutsiderClientOptions): Promise<OutsiderClient> {
  provideBuffer();
  return connectAnywhere(url, options);
}

export type { OutsiderClient } from './outsider-client.ts';
export type { OutsiderClientOptions, WebSocketLike } from './outsider-line.ts';
export { OutsiderRefused } from './outsider-refused.ts';
