import { isCallError, NotSerializable } from '@troupe/actor';

/** What is answered in the place of an outcome that cannot be sent; the method has run. */
export function insteadOfOutcome(error: unknown): Error {
  if (error instanceof NotSerializable) return new NotSerializable(error.path, error.issue, 'yes');
  // A bound that the outcome goes beyond.
  if (isCallError(error)) return new NotSerializable('the result', error.message, 'yes');
  return new Error('the outcome could not be sent');
}
