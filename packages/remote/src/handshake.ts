import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Versions of the protocol after the handshake that this code speaks. */
export const PROTOCOL_MIN = 1;
export const PROTOCOL_MAX = 3;
/** The first version in which a connection may be for something else than a session. */
export const EXCHANGE_PROTOCOL = 3;

/** `magic (4) | u8 type | u16be length | JSON of that length`. */
const MAGIC = Buffer.from('TRPE');
const HEADER_BYTES = 7;
const BODY_BYTES_MAX = 2_048;
const NONCE_BYTES = 32;
const SESSION_ID_BYTES = 16;

const HELLO = 1;
const CHALLENGE = 2;
const PROOF = 3;
const WELCOME = 4;
const REFUSED = 5;

/** One start of one node, as nodes make themselves known to each other. */
export interface PeerIdentity {
  readonly name: string;
  /** New with every start of the node; later ones sort after earlier ones. */
  readonly incarnation: string;
  /** Where others connect to it, `host:port`; empty when it does not listen. */
  readonly address: string;
}

/**
 * What a connection is for: the session of two nodes; questions and answers beside it; or a line,
 * on which the layer above says what it likes, one way.
 */
export type Purpose = 'session' | 'exchange' | 'line';

const PURPOSES: readonly Purpose[] = ['session', 'exchange', 'line'];

export type RefusalReason =
  /** No version of the protocol is known to both. */
  | 'version'
  /** The peer could not prove that it knows the secret. */
  | 'secret'
  /** A connection from another machine, without a secret to prove. */
  | 'loopback-only'
  /** Both nodes have dialled each other at once; the other connection is kept. */
  | 'duplicate'
  /** The bytes are not those of a node of ours. */
  | 'not-troupe'
  /** The other side takes TLS only, and this one came without. */
  | 'tls'
  /** The handshake took too long, or too many are under way. */
  | 'busy'
  /** The node is about to be gone. */
  | 'stopping'
  /** Nothing there takes connections for that purpose, yet or any more. */
  | 'unwanted';

const ADVICE: Record<RefusalReason, string> = {
  version: 'they have no protocol version in common; update the older one',
  secret: 'their secrets differ; start both nodes with the same secret',
  'loopback-only': 'nodes on different machines need a secret; start both with the same one',
  duplicate: 'both dialled at once, and the other connection is kept',
  'not-troupe': 'what answers there is not a Troupe node',
  tls: 'the other side speaks TLS; start either all nodes with tls: { key, cert, ca } or none',
  busy: 'the handshake was not finished in time',
  stopping: 'the node is stopping',
  unwanted: 'that node takes no such connections, yet or any more',
};

/** Two nodes did not come to terms. Both are told, as far as the other one listens. */
export class HandshakeRefused extends Error {
  override readonly name = 'HandshakeRefused';
  readonly code = 'ERR_HANDSHAKE_REFUSED';
  constructor(
    readonly reason: RefusalReason,
    options?: ErrorOptions,
  ) {
    super(`the nodes cannot connect: ${ADVICE[reason]}`, options);
  }
}

/**
 * What the nodes of a cluster know and nobody else. Of several a node proves that it knows the
 * first, and takes any of them from its peers: so that nodes which are a step apart in changing it
 * let each other in.
 */
export type Secret = string | readonly string[];

export interface HandshakeOptions {
  readonly self: PeerIdentity;
  readonly secret?: Secret | undefined;
  readonly isLoopback: boolean;
  /**
   * What the side that dials wants to go on with, asked when it has only the peer's word for who
   * that is. Default: a new session.
   */
  readonly propose?: ((peer: PeerIdentity) => Admission) | undefined;
  /**
   * The last word of the side that was dialled, once the peer has proved itself: the session that
   * was proposed, or a new one. Default: always a new one.
   */
  readonly admit?:
    | ((peer: PeerIdentity, proposed: SessionState, purpose: Purpose) => Admission)
    | undefined;
  /** What the side that dials wants the connection for. Default: a session. */
  readonly purpose?: Purpose | undefined;
  /** Whether this side is for compressing what is sent. Default: false. */
  readonly compress?: boolean | undefined;
  /** Default: this code's own. */
  readonly versions?: readonly [min: number, max: number] | undefined;
}

/** A session as one side has it. */
export interface SessionState {
  /** Empty: none. */
  readonly session: string;
  /** Envelopes of the other side that it has. */
  readonly received: number;
}

export const NO_SESSION: SessionState = { session: '', received: 0 };

/** The session to go on with, or why there is to be none. */
export type Admission = SessionState | { readonly refuse: RefusalReason };

/** Both sides agree on who they are, and on how to go on. */
export interface Agreement {
  readonly peer: PeerIdentity;
  readonly protocol: number;
  readonly session: string;
  /** Whether that is the session that the dialler had; otherwise it begins now. */
  readonly isResumed: boolean;
  /** Envelopes of this side that the peer has. */
  readonly arrived: number;
  /** Both sides are for compressing. */
  readonly deflates: boolean;
  readonly purpose: Purpose;
}

/**
 * The first bytes of a connection, as a value: bytes in, bytes out.
 *
 *     dialler → HELLO      versions, identity, nonce, compress, purpose
 *             ← CHALLENGE  version, identity, nonce, compress
 *             → PROOF      session, received, HMAC(secret, 'dialler' | HELLO | CHALLENGE | state)
 *             ← WELCOME    session, received, HMAC(secret, 'acceptor' | HELLO | CHALLENGE | state)
 *
 * `state` is `session:received` of that very message. The dialler proposes the session that it had
 * with this incarnation of the peer, if any, and says how much of it has arrived. The other side
 * answers with the same session, and both go on from what the other lacks; or with another, which
 * begins now.
 *
 * The proofs cover both nonces and both identities, so none can be replayed; they name the role,
 * so none can be reflected. The dialler proves itself first: who listens is an easier target for
 * one that collects proofs to guess a weak secret by.
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #role: 'dialler' | 'acceptor';
  /** Those that the peer may prove; none: anybody on this machine is let in. */
  readonly #secrets: readonly string[];
  /** The one to prove. */
  #secret: string | undefined;
  readonly #nonce = randomBytes(NONCE_BYTES).toString('base64');
  readonly #send: (bytes: Uint8Array) => void;
  #expected: number;
  #transcript = Buffer.alloc(0);
  #received: Uint8Array = new Uint8Array();
  #agreed: Pick<Agreement, 'peer' | 'protocol' | 'deflates' | 'purpose'> | undefined;
  #proposed: SessionState = NO_SESSION;

  constructor(
    role: 'dialler' | 'acceptor',
    options: HandshakeOptions,
    send: (bytes: Uint8Array) => void,
  ) {
    this.#role = role;
    this.#options = options;
    this.#secrets = secretsOf(options.secret);
    this.#secret = this.#secrets[0];
    this.#send = send;
    this.#expected = role === 'dialler' ? CHALLENGE : HELLO;
  }

  begin(): void {
    if (this.#role === 'acceptor') return;
    const { purpose = 'session' } = this.#options;
    this.#say(HELLO, {
      versions: this.#versions,
      node: this.#options.self,
      nonce: this.#nonce,
      compress: this.#options.compress ?? false,
      ...(purpose !== 'session' && { purpose }),
    });
  }

  /**
   * @returns the agreement once there is one, and the bytes that came after it
   * @throws {HandshakeRefused} the peer has been told; the connection is of no more use
   */
  push(chunk: Uint8Array): { agreement: Agreement; rest: Uint8Array } | undefined {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const message = this.#take();
      if (message === undefined) return undefined;
      const agreement = this.#onMessage(message);
      if (agreement !== undefined) return { agreement, rest: this.#received };
    }
  }

  /**
   * Tells the peer, and makes the error for this side. Once the dialler has proved itself it says
   * nothing: the peer may have let it in, and takes what follows for what the connection is for.
   */
  refuse(reason: RefusalReason): HandshakeRefused {
    if (this.#expected !== WELCOME) this.#say(REFUSED, { reason });
    return new HandshakeRefused(reason);
  }

  get #versions(): readonly [number, number] {
    return this.#options.versions ?? [PROTOCOL_MIN, PROTOCOL_MAX];
  }

  #take(): { type: number; bytes: Buffer; body: Record<string, unknown> } | undefined {
    const received = Buffer.from(
      this.#received.buffer,
      this.#received.byteOffset,
      this.#received.length,
    );
    const magic = received.subarray(0, MAGIC.length);
    // A stranger is turned away by its first wrong byte, whatever it goes on to send.
    if (!magic.equals(MAGIC.subarray(0, magic.length))) throw new HandshakeRefused('not-troupe');
    if (received.length < HEADER_BYTES) return undefined;
    const end = HEADER_BYTES + received.readUInt16BE(5);
    if (end > HEADER_BYTES + BODY_BYTES_MAX) throw new HandshakeRefused('not-troupe');
    if (received.length < end) return undefined;
    const type = received.readUInt8(4);
    const bytes = received.subarray(0, end);
    this.#received = received.subarray(end);
    return { type, bytes, body: bodyOf(received.subarray(HEADER_BYTES, end)) };
  }

  #onMessage(message: {
    readonly type: number;
    readonly bytes: Buffer;
    readonly body: Record<string, unknown>;
  }): Agreement | undefined {
    const { type, bytes, body } = message;
    if (type === REFUSED) throw new HandshakeRefused(reasonOf(body['reason']));
    if (type !== this.#expected) throw new HandshakeRefused('not-troupe');
    switch (type) {
      case HELLO:
        return this.#onHello(bytes, body);
      case CHALLENGE:
        return this.#onChallenge(bytes, body);
      case PROOF:
        return this.#onProof(body);
      default:
        return this.#onWelcome(body);
    }
  }

  #onHello(bytes: Buffer, body: Record<string, unknown>): undefined {
    const { isLoopback, self, compress = false } = this.#options;
    if (this.#secret === undefined && !isLoopback) throw this.refuse('loopback-only');
    const protocol = commonVersion(this.#versions, body['versions']);
    const purpose = purposeOf(body['purpose']);
    if (protocol === undefined || !isFor(purpose, protocol)) throw this.refuse('version');
    const deflates = compress && body['compress'] === true;
    this.#agreed = { peer: identityOf(body['node']), protocol, deflates, purpose };
    this.#transcript = Buffer.from(bytes);
    this.#say(CHALLENGE, { version: protocol, node: self, nonce: this.#nonce, compress: deflates });
    this.#expected = PROOF;
  }

  #onChallenge(bytes: Buffer, body: Record<string, unknown>): undefined {
    // Whoever answers there would take any proof, and prove nothing.
    if (this.#secret === undefined && !this.#options.isLoopback) throw this.refuse('loopback-only');
    const [min, max] = this.#versions;
    const protocol = body['version'];
    if (!isVersion(protocol) || protocol < min || protocol > max) throw this.refuse('version');
    const { purpose = 'session' } = this.#options;
    // To an older node it would be a session.
    if (!isFor(purpose, protocol)) throw this.refuse('version');
    const peer = identityOf(body['node']);
    const deflates = this.#options.compress === true && body['compress'] === true;
    this.#agreed = { peer, protocol, deflates, purpose };
    this.#transcript = Buffer.concat([this.#transcript, bytes]);
    const proposal = this.#options.propose?.(peer) ?? NO_SESSION;
    if ('refuse' in proposal) throw this.refuse(proposal.refuse);
    this.#proposed = proposal;
    this.#say(PROOF, { ...this.#proposed, proof: this.#proof('dialler', this.#proposed) });
    this.#expected = WELCOME;
  }

  #onProof(body: Record<string, unknown>): Agreement {
    const proposed = sessionOf(body);
    if (!this.#proves('dialler', proposed, body['proof'])) throw this.refuse('secret');
    const agreed = this.#agreed;
    if (agreed === undefined) throw new HandshakeRefused('not-troupe');
    const fresh: SessionState = { session: newSessionId(), received: 0 };
    const admission = this.#options.admit?.(agreed.peer, proposed, agreed.purpose) ?? fresh;
    if ('refuse' in admission) throw this.refuse(admission.refuse);
    this.#say(WELCOME, { ...admission, proof: this.#proof('acceptor', admission) });
    const { session } = admission;
    const isResumed = session === proposed.session;
    return { ...agreed, session, isResumed, arrived: isResumed ? proposed.received : 0 };
  }

  #onWelcome(body: Record<string, unknown>): Agreement {
    const { session, received } = sessionOf(body);
    if (!this.#proves('acceptor', { session, received }, body['proof'])) {
      throw this.refuse('secret');
    }
    const agreed = this.#agreed;
    if (agreed === undefined || session === '') throw new HandshakeRefused('not-troupe');
    const isResumed = session === this.#proposed.session;
    return { ...agreed, session, isResumed, arrived: isResumed ? received : 0 };
  }

  #say(type: number, body: object): void {
    const bytes = messageOf(type, body);
    if (type === HELLO || type === CHALLENGE) {
      this.#transcript = Buffer.concat([this.#transcript, bytes]);
    }
    this.#send(bytes);
  }

  /**
   * Without a secret the key is empty: that proves nothing, but that the nodes agree on all they
   * have said, none of it changed on its way.
   */
  #proof(role: 'dialler' | 'acceptor', state: SessionState, secret = this.#secret): string {
    const { session, received } = state;
    const hmac = createHmac('sha256', secret ?? '');
    hmac.update(secret === undefined ? `open ${role}` : role).update(this.#transcript);
    return hmac.update(`${session}:${received}`).digest('base64');
  }

  /** What the peer has proved to know is what this side proves in return. */
  #proves(role: 'dialler' | 'acceptor', state: SessionState, proof: unknown): boolean {
    const given = Buffer.from(typeof proof === 'string' ? proof : '?');
    const proved = (secret?: string): boolean => {
      const expected = Buffer.from(this.#proof(role, state, secret));
      return expected.length === given.length && timingSafeEqual(expected, given);
    };
    if (this.#secrets.length === 0) return proved();
    const known = this.#secrets.filter(proved);
    this.#secret = known[0] ?? this.#secret;
    return known.length > 0;
  }
}

/** @throws {TypeError} when it is a list without any */
export function secretsOf(secret: Secret | undefined): readonly string[] {
  if (secret === undefined) return [];
  const secrets = typeof secret === 'string' ? [secret] : secret;
  if (secrets.length > 0) return secrets;
  throw new TypeError('secret is a list of none: leave it out, or name one');
}

/** Unguessable: whoever resumes a session must have been part of it. */
export function newSessionId(): string {
  return randomBytes(SESSION_ID_BYTES).toString('base64url');
}

function sessionOf({ session = '', received = 0 }: Record<string, unknown>): SessionState {
  if (isText(session) && typeof received === 'number' && received >= 0) {
    if (Number.isSafeInteger(received)) return { session, received };
  }
  throw new HandshakeRefused('not-troupe');
}

/** The peer's word: JSON of known size, of which only the fields asked for are looked at. */
function bodyOf(json: Buffer): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(json.toString());
    if (typeof body === 'object' && body !== null) return body as Record<string, unknown>;
  } catch (cause) {
    throw new HandshakeRefused('not-troupe', { cause });
  }
  throw new HandshakeRefused('not-troupe');
}

/** What tells a peer that it is refused, before anything has been heard of it. */
export function refusal(reason: RefusalReason): Uint8Array {
  return messageOf(REFUSED, { reason });
}

function messageOf(type: number, body: object): Buffer {
  const json = Buffer.from(JSON.stringify(body));
  const bytes = Buffer.alloc(HEADER_BYTES + json.length);
  MAGIC.copy(bytes);
  bytes.writeUInt8(type, 4);
  bytes.writeUInt16BE(json.length, 5);
  json.copy(bytes, HEADER_BYTES);
  return bytes;
}

function identityOf(node: unknown): PeerIdentity {
  if (typeof node === 'object' && node !== null) {
    const { name, incarnation, address } = node as Record<string, unknown>;
    if (isText(name) && name !== '' && isText(incarnation) && isText(address)) {
      return { name, incarnation, address };
    }
  }
  throw new HandshakeRefused('not-troupe');
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 256;
}

function reasonOf(reason: unknown): RefusalReason {
  const known = typeof reason === 'string' && Object.hasOwn(ADVICE, reason);
  return known ? (reason as RefusalReason) : 'not-troupe';
}

/** @returns undefined for one that this code does not know */
function purposeOf(purpose: unknown = 'session'): Purpose | undefined {
  return PURPOSES.find((known) => known === purpose);
}

function isFor(purpose: Purpose | undefined, protocol: number): purpose is Purpose {
  return purpose !== undefined && (purpose === 'session' || protocol >= EXCHANGE_PROTOCOL);
}

/** The highest version that both speak. */
function commonVersion(ours: readonly [number, number], theirs: unknown): number | undefined {
  if (!Array.isArray(theirs)) return undefined;
  const [min, max] = theirs as unknown[];
  if (!isVersion(min) || !isVersion(max)) return undefined;
  const common = Math.min(ours[1], max);
  return common >= Math.max(ours[0], min) ? common : undefined;
}

function isVersion(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value);
}
