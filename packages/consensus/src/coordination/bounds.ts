// Part of what the machine does, so the same on every node: a bound may only be raised, and with
// a new version of the machine.

/** Sessions and leases of a group. */
export const LEASES_MAX = 10_000;
export const TTL_MS_MIN = 100;
export const TTL_MS_MAX = 86_400_000;
/** Withdrawn claims of one lease that are remembered, in case their claim comes after all. */
export const WITHDRAWN_MAX = 1_024;

/** Locks, elections and semaphores together: holders and those who wait. */
export const CLAIMS_MAX = 100_000;
/** Who wait for one lock, election or semaphore. */
export const WAITERS_MAX = 4_096;
/** Names and values of all claims together. */
export const CLAIM_BYTES_MAX: number = 64 * 2 ** 20;
export const LOCK_DELAY_MS_MAX = 3_600_000;
/** Of a semaphore; a lock is one that an exclusive holder takes whole. */
export const PERMITS_MAX: number = 2 ** 31 - 1;

export const BARRIERS_MAX = 10_000;
export const BARRIER_SIZE_MAX = 10_000;
/** Of all barriers together. */
export const MEMBERS_MAX = 100_000;

/** Of keys, and of the names of locks and the like, in UTF-16 code units. */
export const NAME_CHARS_MAX = 1_024;
/** The name of a lock, say, and the word before it that says what it is. */
export const RESOURCE_CHARS_MAX: number = NAME_CHARS_MAX + 'semaphore '.length;
export const VALUE_BYTES_MAX: number = 256 * 1_024;
export const KEYS_MAX = 100_000;
/** Keys and values together. */
export const STORE_BYTES_MAX: number = 64 * 2 ** 20;
/** Conditions of one transaction, what it does when they hold, and what otherwise: each. */
export const OPERATIONS_MAX = 128;
/** Keys and values that one transaction brings, so that it is a command that a log takes. */
export const TRANSACTION_BYTES_MAX: number = 768 * 1_024;
/** Keys that one transaction may delete by ranges. */
export const DELETES_MAX = 1_024;
/** Values that one transaction may read. */
export const READ_BYTES_MAX: number = 512 * 1_024;

/** Events that a watch may still resume from. */
export const HISTORY_EVENTS_MAX = 10_000;
export const HISTORY_BYTES_MAX: number = 16 * 2 ** 20;
