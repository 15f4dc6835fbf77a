import { type Secret, secretsOf } from './handshake.ts';

/** Whoever has seen one handshake, or one packet, can try short ones, at leisure. */
const SECRET_BYTES_MIN = 16;
/** As many as a keyring has keys. */
const SECRETS_MAX = 8;

/** A secret is so short that a stranger can find it by trying. */
export class WeakSecret extends RangeError {
  override readonly name = 'WeakSecret';
  readonly code = 'ERR_WEAK_SECRET';
  readonly bytesMin: number = SECRET_BYTES_MIN;
  /** @param bytes how long it is, in UTF-8 */
  constructor(readonly bytes: number) {
    super(
      `a secret must have at least ${SECRET_BYTES_MIN} bytes, not ${bytes}: make one with ` +
        `node -p "crypto.randomBytes(24).toString('base64url')", or leave it out`,
    );
  }
}

/**
 * Refuses secrets that prove nothing, such as an environment variable that is set to nothing.
 * @throws {WeakSecret}
 * @throws {TypeError} for a list that is empty, or longer than a keyring
 */
export function refuseWeakSecret(secret: Secret | undefined): void {
  const secrets = secretsOf(secret);
  if (secrets.length > SECRETS_MAX) {
    throw new TypeError(
      `secret is a list of ${secrets.length}, and ${SECRETS_MAX} is the limit: ` +
        `leave out those that no node proves any more`,
    );
  }
  for (const each of secrets) {
    const bytes = Buffer.byteLength(each);
    if (bytes < SECRET_BYTES_MIN) throw new WeakSecret(bytes);
  }
}
