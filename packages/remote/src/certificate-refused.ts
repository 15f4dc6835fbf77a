/** Why a certificate was not accepted. */
export type CertificateIssue =
  /** None was shown. */
  | 'missing'
  /** Signed by nobody whom `ca` names. */
  | 'unknown-authority'
  | 'expired'
  | 'not-yet-valid'
  /** It does not bear the name that was dialled. */
  | 'wrong-name'
  /** Not meant for what it was used for. */
  | 'purpose'
  /** Anything else; the cause, where there is one, says what. */
  | 'invalid'
  /** The other side does not speak TLS at all. */
  | 'no-tls';

/** In the order of their bytes on the wire, from 1. */
export const CERTIFICATE_ISSUES: readonly CertificateIssue[] = [
  'invalid',
  'missing',
  'unknown-authority',
  'expired',
  'not-yet-valid',
  'wrong-name',
  'purpose',
];

const ADVICE: Record<CertificateIssue, string> = {
  missing: 'none was shown; start every node with tls: { key, cert, ca }',
  'unknown-authority':
    'no authority in tls.ca has signed it; use certificates of one authority on all nodes, and ' +
    'put those in between into tls.cert',
  expired: 'it has expired; renew it, and call reload() where it is used',
  'not-yet-valid': 'it is not valid yet; compare the clocks of both machines',
  'wrong-name':
    'it does not bear the name that was dialled; issue it for that name, or set tls.serverName ' +
    'to one that all certificates bear',
  purpose: 'it is not meant for this; its extended key usage must allow both server and client',
  invalid: 'it cannot be verified',
  'no-tls': 'the other side does not speak TLS; start either all nodes with tls or none',
};

/** Two nodes do not accept each other's certificates. Each is told in its own terms. */
export class CertificateRefused extends Error {
  override readonly name = 'CertificateRefused';
  readonly code = 'ERR_CERTIFICATE_REFUSED';
  constructor(
    /** `theirs`: of the other side, refused here. `ours`: refused by the other side. */
    readonly whose: 'ours' | 'theirs',
    readonly issue: CertificateIssue,
    options?: ErrorOptions,
  ) {
    const owner = whose === 'ours' ? "this node's" : "the other side's";
    super(`${owner} certificate was refused: ${ADVICE[issue]}`, options);
  }
}

/** @param code what OpenSSL or Node calls the failure */
export function issueOf(code: string): CertificateIssue {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'expired';
    case 'CERT_NOT_YET_VALID':
      return 'not-yet-valid';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return 'wrong-name';
    case 'INVALID_PURPOSE':
      return 'purpose';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_SIGNATURE_FAILURE':
    case 'CERT_UNTRUSTED':
      return 'unknown-authority';
    default:
      return 'invalid';
  }
}
