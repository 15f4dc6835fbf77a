import type { Env } from '@troupe/actor';
import { messageOf } from '@troupe/actor/internal';
import {
  type Connection,
  HandshakeRefused,
  ListenFailed,
  type Listener,
  type Secret,
  secretsOf,
  type Transport,
} from '@troupe/remote';
import { SparingLog } from './sparing-log.ts';

/** Strangers that may be at the door at once; further ones are turned away. */
const STRANGERS_MAX = 256;

export interface Threshold {
  readonly env: Env;
  readonly transport: Transport;
  readonly listen: string;
  readonly secret: Secret | undefined;
}

/**
 * Listens for connections, whoever they are of.
 * @param prove resolves when a connection is no stranger's any more
 * @throws {ListenFailed} with what to do about it
 */
export async function listenForLines(
  { env, transport, listen, secret }: Threshold,
  prove: (connection: Connection) => Promise<unknown>,
): Promise<Listener> {
  refuseWithoutSecret(transport, listen, secret);
  const strangers = new Strangers(env);
  return transport.listen(listen, (connection) => {
    void strangers.accept(connection, () => prove(connection));
  });
}

/** Connections that have not proved yet who they are. */
class Strangers {
  readonly #log: SparingLog;
  #count = 0;

  constructor(env: Env) {
    this.#log = new SparingLog(env);
  }

  async accept(connection: Connection, prove: () => Promise<unknown>): Promise<void> {
    if (this.#count >= STRANGERS_MAX) return connection.destroy();
    this.#count += 1;
    try {
      await prove();
    } catch (error) {
      if (isInOrder(error)) return;
      const reason = messageOf(error);
      const { remoteAddress: from } = connection;
      this.#log.warn({ from, reason }, 'a line of consensus was refused');
    } finally {
      this.#count -= 1;
    }
  }
}

/** Of a node that starts or stops; who dials tries again. */
function isInOrder(error: unknown): boolean {
  if (!(error instanceof HandshakeRefused)) return false;
  return error.reason === 'unwanted' || error.reason === 'stopping';
}

function refuseWithoutSecret(
  transport: Transport,
  listen: string,
  secret: Secret | undefined,
): void {
  if (secretsOf(secret).length > 0 || !transport.needsSecret(listen)) return;
  const advice = 'pass { secret }, which all nodes share, or listen on 127.0.0.1';
  throw new ListenFailed(listen, `beyond this machine a node needs a secret; ${advice}`);
}
