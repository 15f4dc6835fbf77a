import { generate } from 'selfsigned';
import type { TlsCredentials } from '@troupe/remote';

/** An authority of one test, and what it signs. */
export interface Authority {
  readonly cert: string;
  issue(options?: CertificateOptions): Promise<TlsCredentials>;
}

export interface CertificateOptions {
  readonly commonName?: string;
  /** What else it is made out to, beside 127.0.0.1. */
  readonly dns?: string;
  readonly ip?: string;
  /** Days from now, negative for the past. Default: yesterday to tomorrow. */
  readonly days?: readonly [from: number, to: number];
  readonly usage?: { readonly serverAuth?: boolean; readonly clientAuth?: boolean };
}

const DAY_MS = 24 * 60 * 60 * 1_000;

export async function authority(name = 'test authority'): Promise<Authority> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert, issue: (options) => issue({ key, cert }, options) };
}

async function issue(
  ca: { readonly key: string; readonly cert: string },
  options: CertificateOptions = {},
): Promise<TlsCredentials> {
  const { commonName = 'node', dns, ip = '127.0.0.1', days = [-1, 1], usage } = options;
  const issued = await generate([{ name: 'commonName', value: commonName }], {
    ca,
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() + days[0] * DAY_MS),
    notAfterDate: new Date(Date.now() + days[1] * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', ...(usage ?? { serverAuth: true, clientAuth: true }) },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip },
          ...(dns === undefined ? [] : [{ type: 2 as const, value: dns }]),
        ],
      },
    ],
  });
  return { key: issued.private, cert: issued.cert, ca: ca.cert };
}
