import { CertificateRefused, HandshakeRefused } from '@troupe/remote';
import { NameTaken } from './errors.ts';

/** Whether the host itself says that nobody listens there: unlike silence, that is an answer. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'ECONNREFUSED') || isRefusal(error.cause);
}

/** Whether trying again may help: a seed may come up; a secret or an address stays wrong. */
export function isTransient(error: unknown): boolean {
  if (error instanceof NameTaken) return false;
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof TypeError) return false; // It is no address.
  return !(cause instanceof HandshakeRefused || cause instanceof CertificateRefused);
}
