import { type Given, shown } from './given.ts';
import type { ItemCondition, StoredItem, StoreOperation, StoreResult } from './key-store.ts';
import type {
  KeyCondition,
  KeyOperation,
  KeyResult,
  KeyTransaction,
  KeyValue,
} from './key-value.ts';
import { lockResource } from './locks.ts';
import { checkSize, type HolderCondition, type Transaction } from './transaction.ts';
import { ValueCodec } from './values.ts';

const COUNT = [0, Number.MAX_SAFE_INTEGER] as const;
const COUNTS = ['revision', 'created', 'version'] as const;
const OF_KEYS: readonly string[] = ['key', 'exists', 'value', 'lease', ...COUNTS];

/** From what users write to what the machine takes, and back. */
export class KeyCodec {
  readonly #values = new ValueCodec();

  /** @throws {BadArguments} {NotSerializable} executed: no */
  transaction(given: Given, transaction: KeyTransaction): Transaction {
    given.object('the transaction', transaction, '{ if, do, else }');
    const { if: conditions = [], do: operations = [], else: otherwise = [] } = transaction;
    for (const [name, list] of Object.entries({
      if: conditions,
      do: operations,
      else: otherwise,
    })) {
      if (!Array.isArray(list)) given.refuse(`${name} is ${shown(list)}: give a list`);
    }
    const encoded = {
      conditions: conditions.map((each) => this.#condition(given, each)),
      operations: operations.map((each) => this.#operation(given, each)),
      otherwise: otherwise.map((each) => this.#operation(given, each)),
    };
    checkSize(encoded, given);
    return encoded;
  }

  keyValue(key: string, item: StoredItem): KeyValue {
    const { value, lease, ...rest } = item;
    return {
      key,
      value: this.#values.decode(value),
      ...rest,
      lease: lease === 0 ? undefined : lease,
    };
  }

  result(operation: StoreOperation | undefined, result: StoreResult): KeyResult {
    switch (result.kind) {
      case 'put':
        return { version: result.version, created: result.created };
      case 'delete':
        return { deleted: result.deleted };
      case 'get': {
        const { item } = result;
        if (operation?.kind !== 'get') throw new Error('BUG: what was not asked for was got');
        return { found: item && this.keyValue(operation.key, item) };
      }
    }
  }

  #condition(given: Given, condition: KeyCondition): ItemCondition | HolderCondition {
    given.object('a condition', condition, '{ key, revision } or { lock, token }');
    if ('lock' in condition) {
      given.name('lock', condition.lock);
      given.integer('token', condition.token, COUNT);
      return { resource: lockResource(condition.lock), token: condition.token };
    }
    const { value, lease, ...rest } = condition;
    checkCondition(given, condition);
    return {
      ...rest,
      ...('value' in condition ? { value: this.#value(given, rest.key, value) } : {}),
      ...(lease === undefined ? {} : { lease: lease.id }),
    };
  }

  #operation(given: Given, operation: KeyOperation): StoreOperation {
    given.object('an operation', operation, '{ put, value }, { delete } or { get }');
    if ('put' in operation) {
      const { put: key, value, lease } = operation;
      given.name('key', key);
      if (lease !== undefined) given.lease(lease);
      return { kind: 'put', key, value: this.#value(given, key, value), lease: lease?.id ?? 0 };
    }
    if ('get' in operation) {
      given.name('key', operation.get);
      return { kind: 'get', key: operation.get };
    }
    if (!('delete' in operation)) {
      given.refuse(`an operation is ${shown(operation)} without put, delete or get: give one`);
    }
    const range =
      typeof operation.delete === 'string' ? { key: operation.delete } : operation.delete;
    given.range('delete', range);
    if ('key' in range) given.name('key', range.key);
    return { kind: 'delete', range };
  }

  #value(given: Given, key: string, value: unknown): Uint8Array {
    const bytes = this.#values.encode(value);
    given.value(`the value of ${shown(key)}`, bytes);
    return bytes;
  }
}

/** One that says nothing, since its only word is misspelt, would always be fulfilled. */
function checkCondition(
  given: Given,
  condition: Exclude<KeyCondition, { readonly lock: string }>,
): void {
  given.name('key', condition.key);
  for (const name of Object.keys(condition)) {
    if (OF_KEYS.includes(name)) continue;
    given.refuse(`a condition on ${shown(condition.key)} says ${name}: say ${OF_KEYS.join(', ')}`);
  }
  if (condition.exists !== undefined) given.flag('exists', condition.exists);
  for (const name of COUNTS) {
    if (name in condition) given.integer(name, condition[name], COUNT);
  }
  if (condition.lease !== undefined) given.lease(condition.lease);
}
