import type { Server } from 'node:http';
import type { ActorSystem } from '@troupe/actor';
import type { CallerIdentity } from './caller.ts';
import { CborCodec } from './cbor-codec.ts';
import type { Edge } from './edge.ts';
import type { EndpointRouter } from './endpoint.ts';
import { Leftovers } from './leaving-ends.ts';
import { OUTSIDER_LIMITS, PING_MS } from './outsider-frames.ts';
import { checkOutsiders } from './outsider-options.ts';
import { type OutsiderCall, OutsiderSession } from './outsider-session.ts';
import type { Listener } from './transport.ts';
import { listenForWebSockets, type WebSocketVisit } from './websocket-listener.ts';

const OUTSIDERS_MAX = 10_000;

/** How a node deals with clients that are no members of the cluster, such as pages in browsers. */
export interface OutsiderOptions {
  /** `ws://host:port/path`; with a `server` only the path counts. */
  readonly listen: string;
  /** A server of the application's, HTTP or HTTPS, to share the port of. Default: its own. */
  readonly server?: Server | undefined;
  /** Origins whose pages may connect, such as `https://app.example`. Default: none. */
  readonly origins?: readonly string[] | undefined;
  /**
   * Looks at the token that a client brings.
   * @returns who it is; undefined when it is not let in
   */
  readonly authenticate: (
    token: string,
    visit: WebSocketVisit,
  ) => OutsiderIdentity | undefined | Promise<OutsiderIdentity | undefined>;
  /**
   * Looks at every call before the actor is asked, in the order in which calls come: so it answers
   * at once, and what has to be waited for goes into the claims that `authenticate` finds. Only
   * `true` lets the call happen; a promise refuses it, and so does an error.
   */
  readonly permits: (caller: CallerIdentity, call: OutsiderCall) => boolean;
  /** Clients at one time, from 1 on. Default: 10,000. */
  readonly max?: number | undefined;
}

/** Whom a token belongs to. */
export type OutsiderIdentity = Pick<CallerIdentity, 'name' | 'claims'>;

/** What the door needs of the node that it belongs to. */
export interface OutsiderHost {
  readonly system: ActorSystem;
  readonly edge: Edge;
  /** Knows the entities. */
  readonly router: Pick<EndpointRouter, 'entityOf' | 'refer'>;
}

/** The door for outsiders: whoever comes in can call what it is permitted to, and nothing else. */
export class Outsiders {
  readonly #options: OutsiderOptions;
  readonly #host: OutsiderHost;
  readonly #codec = new CborCodec(OUTSIDER_LIMITS);
  readonly #sessions = new Set<OutsiderSession>();
  #listener: Listener | undefined;
  #timer: { cancel(): void } | undefined;
  #isToldOfPromise = false;

  private constructor(options: OutsiderOptions, host: OutsiderHost) {
    this.#options = options;
    this.#host = host;
  }

  /** @throws {BadOption} {ListenFailed} */
  static async open(options: OutsiderOptions, host: OutsiderHost): Promise<Outsiders> {
    checkOutsiders(options);
    const outsiders = new Outsiders(options, host);
    await outsiders.#open();
    return outsiders;
  }

  /** Where clients connect to. */
  get address(): string {
    return this.#listener?.address ?? '';
  }

  /** Clients that are connected, whether they have been let in or not. */
  get size(): number {
    return this.#sessions.size;
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    for (const session of this.#sessions) session.end('the node is stopping');
    await this.#listener?.close();
  }

  async #open(): Promise<void> {
    const { listen: address, server, authenticate } = this.#options;
    const { system, edge, router } = this.#host;
    const { name: node, env, log } = system;
    const permits: OutsiderOptions['permits'] = (caller, call) => this.#permits(caller, call);
    const leftovers = new Leftovers();
    const host = { node, env, log, system, edge, router, codec: this.#codec, permits, leftovers };
    this.#listener = await listenForWebSockets({
      address,
      server,
      messageBytesMax: OUTSIDER_LIMITS.sequenceBytesMax,
      objection: (visit) => this.#objection(visit),
      refused: (from, { message: reason }) => {
        log.warn({ from, reason }, 'an outsider was refused');
      },
      accept: (connection, visit) => {
        const session: OutsiderSession = new OutsiderSession(connection, {
          ...host,
          authenticate: (token) => authenticate(token, visit),
          ended: () => this.#sessions.delete(session),
        });
        this.#sessions.add(session);
        if (this.#timer === undefined) this.#watchLife();
      },
    });
  }

  #permits(caller: CallerIdentity, call: OutsiderCall): boolean {
    const { log } = this.#host.system;
    try {
      const answer: unknown = this.#options.permits(caller, call);
      if (!(answer instanceof Promise)) return answer === true;
      answer.catch(() => undefined); // Whatever it says comes too late.
      if (!this.#isToldOfPromise) {
        this.#isToldOfPromise = true;
        log.error({ call }, 'every call is refused: permits must answer at once, not by a promise');
      }
    } catch (error) {
      log.error({ error, call }, 'a call was refused: permits has thrown');
    }
    return false;
  }

  #objection({ origin }: WebSocketVisit): string | undefined {
    const { origins = [], max = OUTSIDERS_MAX } = this.#options;
    // Whoever is no page can claim any origin, and brings a token like everybody else.
    if (origin !== undefined && !origins.includes(origin)) {
      return `pages of ${origin} may not connect; list it in outsiders.origins if they may`;
    }
    return this.#sessions.size >= max ? `there are ${max} clients, as many as may be` : undefined;
  }

  #watchLife(): void {
    const { env } = this.#host.system;
    this.#timer = env.setTimer(PING_MS, () => {
      for (const session of this.#sessions) session.checkLife();
      this.#timer = undefined;
      if (this.#sessions.size > 0) this.#watchLife();
    });
  }
}
