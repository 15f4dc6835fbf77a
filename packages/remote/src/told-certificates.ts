import { type TlsCredentials, type TlsTransport, tlsTransport } from './tls-transport.ts';

/** The certificates of a node in one of its threads, which is told when they are renewed. */
export class ToldCertificates {
  readonly transport: TlsTransport;
  #current: TlsCredentials;

  constructor(first: TlsCredentials) {
    this.#current = first;
    this.transport = tlsTransport(() => this.#current);
  }

  /** @throws {TypeError} when they cannot be used: those before stay */
  renew(renewed: TlsCredentials): Promise<void> {
    this.#current = renewed;
    return this.transport.reload();
  }
}
