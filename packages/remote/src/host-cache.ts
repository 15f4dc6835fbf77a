import { lookup as ask, type LookupOneOptions } from 'node:dns';
import { isIP } from 'node:net';
import { type Env, processEnv } from '@troupe/actor';

/** How long an answer counts before the resolver is asked anew, and how long that there is none. */
const KEPT_MS = 10_000;
const MISSED_MS = 1_000;
/** Hosts beyond this number take the places of those known longest. */
const HOSTS_MAX = 1_024;
/** What waits for the first answer about one host; more is lost. */
const WAITING_MAX = 64;

type Answered = (error: Error | null, address: string, family: number) => void;
type Lookup = (host: string, options: LookupOneOptions, answered: Answered) => void;

interface Host {
  address: string;
  family: number;
  error: Error | undefined;
  askAtMs: number;
  isAsked: boolean;
  waiting: Answered[];
}

/**
 * Knows the addresses of hosts for a while: else each datagram to a host with a name would ask the
 * resolver, whose few threads files and much else need too. While it asks anew, and when there is
 * no answer, the one before goes on to count.
 */
export class HostCache {
  readonly #hosts = new Map<string, Host>();
  readonly #ask: Lookup;
  readonly #env: Pick<Env, 'now'>;

  constructor(resolver: { readonly ask?: Lookup; readonly env?: Pick<Env, 'now'> } = {}) {
    this.#ask = resolver.ask ?? ask;
    this.#env = resolver.env ?? processEnv();
  }

  /** As `lookup` of `node:dns`, for the options of a socket. */
  readonly lookup: Lookup = (name, options, answered) => {
    if (isIP(name) !== 0) return this.#ask(name, options, answered);
    const host = this.#hostOf(name);
    if (!host.isAsked && this.#env.now() >= host.askAtMs) this.#renew(name, options, host);
    if (host.address !== '') answered(null, host.address, host.family);
    else if (host.isAsked && host.waiting.length < WAITING_MAX) host.waiting.push(answered);
    else answered(host.error ?? new Error(`${WAITING_MAX} wait for the address of ${name}`), '', 0);
  };

  #hostOf(name: string): Host {
    let host = this.#hosts.get(name);
    if (host !== undefined) return host;
    const [oldest] = this.#hosts.keys();
    if (oldest !== undefined && this.#hosts.size >= HOSTS_MAX) this.#hosts.delete(oldest);
    const unknown = { address: '', family: 0, error: undefined, askAtMs: -Infinity };
    this.#hosts.set(name, (host = { ...unknown, isAsked: false, waiting: [] }));
    return host;
  }

  #renew(name: string, options: LookupOneOptions, host: Host): void {
    host.isAsked = true;
    this.#ask(name, options, (error, address, family) => {
      const { waiting } = host;
      host.isAsked = false;
      host.waiting = [];
      host.error = error ?? undefined;
      host.askAtMs = this.#env.now() + (error === null ? KEPT_MS : MISSED_MS);
      if (error === null) Object.assign(host, { address, family });
      for (const answered of waiting) answered(error, address, family);
    });
  }
}
