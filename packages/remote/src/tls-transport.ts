import { isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect,
  createServer,
  createSecureContext,
  type SecureContextOptions,
  type Server,
  type TLSSocket,
} from 'node:tls';
import { BadOption } from '@troupe/actor';
import {
  checkOptions,
  fitting,
  hasMethods,
  isFunction,
  messageOf,
  type OptionCheck,
} from '@troupe/actor/internal';
import { formatAddress, isLoopback, parseAddress } from './address.ts';
import type { CallerIdentity } from './caller.ts';
import {
  CERTIFICATE_ISSUES,
  type CertificateIssue,
  CertificateRefused,
  issueOf,
} from './certificate-refused.ts';
import { refusal } from './handshake.ts';
import { ReadBlock, type Reader } from './read-block.ts';
import { SocketConnection } from './socket-connection.ts';
import { listenerOf, reasonOf } from './tcp-transport.ts';
import {
  type Connection,
  type DialOptions,
  type Listener,
  ListenFailed,
  type Transport,
} from './transport.ts';
import { udpSocket } from './udp-transport.ts';

/** How long who connects may take to get through TLS. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
const ACCEPTED = 0;
/**
 * What Node.js has by itself for TLS 1.3, in another order: it would take AES with 256 bits, whose
 * four more rounds are a tenth of all that a large value costs both sides.
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
].join(':');

type Pem = string | Buffer;

/** What a node shows of itself, and by whom others must be vouched for. All in PEM. */
export interface TlsCredentials {
  readonly key: Pem;
  /** This node's certificate, followed by those between it and the authority, if there are any. */
  readonly cert: Pem;
  /**
   * The authorities of the cluster: whoever has a certificate of theirs is let in as a node, under
   * the name that it gives itself. The public ones that come with Node.js are not trusted.
   */
  readonly ca: Pem | readonly Pem[];
  /** A name that the certificate of every node bears. Default: the host that is dialled. */
  readonly serverName?: string | undefined;
}

/** A function is asked at the start, and again by `reload`. */
export type TlsSource = TlsCredentials | (() => TlsCredentials | Promise<TlsCredentials>);

export interface TlsTransport extends Transport {
  /** What the source has said last. */
  credentials(): Promise<TlsCredentials>;
  /** Tells of every reload. @returns stops telling */
  onReload(told: (credentials: TlsCredentials) => void): () => void;
  /**
   * Asks the source again. New connections, in both directions, use what it says; those that
   * stand live on. When it says what cannot be used, the old credentials stay.
   * @throws {BadOption} when one of them is no PEM
   * @throws {TypeError} naming what is wrong with the new ones
   */
  reload(): Promise<void>;
}

/**
 * TCP under TLS 1.3, where both sides show certificates. TLS itself does not tell who dialled
 * whether its certificate was accepted: so each side's first byte is its verdict on the other's,
 * and a connection is one only when both are good.
 */
export function tlsTransport(source: TlsSource): TlsTransport {
  return new Tls(source);
}

class Tls implements TlsTransport {
  readonly name = 'tls';
  readonly datagrams = udpSocket;
  readonly #source: TlsSource;
  readonly #block = new ReadBlock();
  readonly #servers = new Set<Server>();
  readonly #watchers = new Set<(credentials: TlsCredentials) => void>();
  #credentials: Promise<TlsCredentials> | undefined;

  constructor(source: TlsSource) {
    this.#source = source;
  }

  needsSecret(address: string): boolean {
    parseAddress(address);
    return false;
  }

  async reload(): Promise<void> {
    const credentials = await this.#ask();
    this.#credentials = Promise.resolve(credentials);
    for (const server of this.#servers) server.setSecureContext(contextOf(credentials));
    for (const told of this.#watchers) told(credentials);
  }

  onReload(told: (credentials: TlsCredentials) => void): () => void {
    this.#watchers.add(told);
    return () => void this.#watchers.delete(told);
  }

  credentials(): Promise<TlsCredentials> {
    this.#credentials ??= this.#ask().catch((error: unknown) => {
      this.#credentials = undefined; // The next one may find them mended.
      throw error;
    });
    return this.#credentials;
  }

  async listen(
    text: string,
    accept: (connection: Connection) => void,
    refused: (from: string, error: Error) => void = () => undefined,
  ): Promise<Listener> {
    const { host, port } = parseAddress(text);
    const server = createServer({
      ...contextOf(await this.credentials()),
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      requestCert: true,
      // Or the other side would be cut off without a word. `agreed` refuses whoever is not.
      rejectUnauthorized: false,
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      agreed(socket, HANDSHAKE_TIMEOUT_MS, this.#block).then(accept, (error: Error) =>
        refused(remoteAddressOf(socket), error),
      );
    });
    const sockets = socketsOf(server);
    server.on('tlsClientError', (error, socket) => {
      const from = remoteAddressOf(socket);
      const reason = explain(error);
      refused(from, reason);
      if (reason instanceof CertificateRefused && reason.issue === 'no-tls') {
        sockets.get(from)?.end(refusal('tls')); // In the clear: it may be a node without TLS.
      }
      socket.destroy();
    });
    return new Promise((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        reject(new ListenFailed(text, reasonOf(cause), { cause }));
      });
      server.listen({ host, port }, () => {
        this.#servers.add(server);
        server.once('close', () => this.#servers.delete(server));
        resolve(listenerOf(server, host));
      });
    });
  }

  async dial(text: string, { timeoutMs }: DialOptions): Promise<Connection> {
    const { host, port } = parseAddress(text);
    const credentials = await this.credentials();
    const { serverName = host } = credentials;
    const socket = connect({
      ...contextOf(credentials),
      host,
      port,
      servername: isIP(serverName) === 0 ? serverName : '',
      checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
      rejectUnauthorized: false, // As above: the other side is to learn what is wrong with it.
    });
    return new Promise((resolve, reject) => {
      const onError = (error: Error): void => {
        socket.destroy();
        reject(explain(error));
      };
      const onTimeout = (): void => onError(new Error(`no answer within ${timeoutMs} ms`));
      socket.setTimeout(timeoutMs, onTimeout);
      socket.once('error', onError);
      socket.once('secureConnect', () => {
        socket.off('timeout', onTimeout);
        socket.off('error', onError);
        agreed(socket, timeoutMs, this.#block).then(resolve, reject);
      });
    });
  }

  async #ask(): Promise<TlsCredentials> {
    const credentials = typeof this.#source === 'function' ? await this.#source() : this.#source;
    checkTls('tls', credentials);
    try {
      createSecureContext(contextOf(credentials));
    } catch (cause) {
      const reason = messageOf(cause);
      throw new TypeError(`tls: key, cert or ca cannot be used: ${reason}`, { cause });
    }
    return credentials;
  }
}

/** What is given instead is not shown: it may be a key, if in another form. */
const checkPem: OptionCheck = (option, value) => {
  const text: unknown = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
  if (typeof text === 'string' && text.includes('-----BEGIN ')) return;
  const advice = 'give what is in the file, a text that begins with -----BEGIN, and not its path';
  throw new BadOption(option, Symbol(isNothing(value) ? 'missing' : 'no PEM'), advice);
};

function isNothing(value: unknown): boolean {
  return value === undefined || value === '';
}

const CREDENTIALS: Readonly<Record<keyof TlsCredentials, OptionCheck>> = {
  key: checkPem,
  cert: checkPem,
  ca: (option, value) => {
    if (!Array.isArray(value) || value.length === 0) return checkPem(option, value);
    for (const [at, each] of value.entries()) checkPem(`${option}[${at}]`, each);
  },
  serverName: fitting((value) => typeof value === 'string', 'give a name'),
};

/**
 * Looks at a source of credentials, as far as that can be done without asking it.
 * @throws {BadOption} when it is none, or says what cannot be used
 */
export function checkTls(option: string, source: unknown): void {
  if (isFunction(source) || hasMethods(source, ['dial', 'credentials'])) return;
  checkOptions(option, source, CREDENTIALS);
  // Without a `ca` of the cluster's own, Node.js would trust every public authority.
  const { key, cert, ca } = source as Partial<TlsCredentials>;
  for (const [name, pem] of Object.entries({ key, cert, ca })) {
    if (pem === undefined) checkPem(`${option}.${name}`, pem);
  }
}

function contextOf(credentials: TlsCredentials): SecureContextOptions {
  const { key, cert, ca } = credentials;
  return { key, cert, ca: [ca].flat(), minVersion: 'TLSv1.3', ciphers: CIPHERS };
}

/** Those below TLS, by whom they lead to: they can still be written to when TLS has failed. */
function socketsOf(server: Server): ReadonlyMap<string, Socket> {
  const sockets = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const from = remoteAddressOf(socket);
    sockets.set(from, socket);
    socket.once('close', () => sockets.delete(from));
    socket.on('error', () => undefined); // Who has hung up needs no last word.
  });
  return sockets;
}

/** Tells the other side what is thought of its certificate, and hears what it thinks of ours. */
function agreed(socket: TLSSocket, timeoutMs: number, block: ReadBlock): Promise<Connection> {
  socket.setNoDelay(true);
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.destroy();
      reject(explain(error));
    };
    const onTimeout = (): void => fail(new Error(`no answer within ${timeoutMs} ms`));
    const onClose = (): void => fail(new Error('the other side ended the connection'));
    socket.setTimeout(timeoutMs, onTimeout);
    socket.once('error', fail);
    socket.once('close', onClose);
    const issue = issueWith(socket);
    if (issue !== undefined) {
      socket.end(Uint8Array.of(1 + CERTIFICATE_ISSUES.indexOf(issue)));
      socket.once('finish', () => socket.destroy());
      reject(new CertificateRefused('theirs', issue, { cause: socket.authorizationError }));
      return;
    }
    socket.write(Uint8Array.of(ACCEPTED));
    socket.once('data', (chunk: Buffer) => {
      socket.pause();
      const [verdict = ACCEPTED] = chunk;
      if (verdict !== ACCEPTED) {
        return fail(new CertificateRefused('ours', CERTIFICATE_ISSUES[verdict - 1] ?? 'invalid'));
      }
      socket.setTimeout(0);
      socket.off('timeout', onTimeout);
      socket.off('close', onClose);
      if (chunk.length > 1) socket.unshift(chunk.subarray(1));
      resolve(tlsConnection(socket, block));
      socket.off('error', fail);
    });
  });
}

function issueWith(socket: TLSSocket): CertificateIssue | undefined {
  if (socket.authorized) return undefined;
  if (Object.keys(socket.getPeerCertificate()).length === 0) return 'missing';
  // Declared as an error; what Node.js puts there is its code.
  return issueOf(String(socket.authorizationError));
}

function tlsConnection(socket: TLSSocket, block: ReadBlock): Connection {
  const reader: Reader = {};
  block.divert(socket, reader);
  const facts = { caller: callerOf(socket), isLoopback: isLoopback(socket.remoteAddress ?? '') };
  return new SocketConnection(socket, {
    ...facts,
    remoteAddress: remoteAddressOf(socket),
    explain,
    reader,
  });
}

/** Whom the verified certificate is made out to. */
function callerOf(socket: TLSSocket): CallerIdentity {
  const { subject, subjectaltname, fingerprint256, valid_to } = socket.getPeerCertificate();
  const names = (subjectaltname ?? '').split(', ').filter((name) => name !== '');
  const [commonName] = [subject.CN].flat();
  return {
    kind: 'node',
    name: commonName ?? names[0] ?? fingerprint256,
    claims: { names, fingerprint: fingerprint256, validTo: valid_to },
  };
}

function remoteAddressOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return formatAddress({ host: remoteAddress, port: remotePort });
}

function explain(error: NodeJS.ErrnoException): Error {
  if (error instanceof CertificateRefused) return error;
  switch (error.code) {
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_HTTP_REQUEST':
      return new CertificateRefused('theirs', 'no-tls', { cause: error });
    case 'ECONNRESET':
      // Who hangs up in the middle of it may be a node without TLS, to which this was no greeting.
      if (!/before secure TLS connection/.test(error.message)) return error;
      return new CertificateRefused('theirs', 'no-tls', { cause: error });
    default:
      return new Error(reasonOf(error), { cause: error });
  }
}
