import { MEMBERS_MAX } from './configuration.ts';
import { BadMessage } from './errors.ts';
import type { Message } from './message.ts';

const ID_LENGTH_MAX = 256;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Makes sure that a message from a peer makes sense by itself, whoever sent it. What it claims may
 * still be false: the protocol trusts the members of its group, and nobody's bytes.
 * @throws {BadMessage} and nothing has changed
 */
export function checkMessage(message: Message): void {
  const fields = fieldsOf('message', message);
  checkId('from', fields['from']);
  checkId('to', fields['to']);
  const term = checkNumber('term', fields['term']);
  const check = checks[String(fields['type']) as Message['type']];
  if (check === undefined) throw new BadMessage(`of type '${String(fields['type'])}'`);
  check(fields, term);
}

const nothing = (): void => {};
const number =
  (...names: readonly string[]) =>
  (fields: Fields): void =>
    names.forEach((name) => checkNumber(name, fields[name]));
const flag =
  (...names: readonly string[]) =>
  (fields: Fields): void =>
    names.forEach((name) => checkFlag(name, fields[name]));

/** What each type carries beside its address. */
const checks: Readonly<Record<Message['type'], (fields: Fields, term: number) => void>> = {
  'pre-vote': ({ last }, term) => void checkPosition('last', last, term),
  'pre-vote-reply': flag('granted'),
  vote({ last, transfer }, term) {
    checkPosition('last', last, term);
    checkFlag('transfer', transfer);
  },
  'vote-reply': flag('granted'),
  append({ prev, entries, commit }, term) {
    checkNumber('commit', commit);
    checkEntries(prev, entries, term);
  },
  'append-reply': number('match'),
  'append-rejected'({ rejected, hint }, term) {
    checkNumber('rejected', rejected);
    checkPosition('hint', hint, term);
  },
  heartbeat({ round, commit, quiet }) {
    checkNumber('round', round);
    checkNumber('commit', commit);
    checkFlag('quiet', quiet);
  },
  'heartbeat-reply': number('round'),
  'stale-term': nothing,
  'timeout-now': number('last'),
  read: number('context'),
  'read-reply': number('context', 'index'),
  'snapshot-offer'({ snapshot }, term) {
    const { id, bytes, configuration } = fieldsOf('snapshot', snapshot);
    checkPosition('snapshot', snapshot, term);
    checkId('snapshot.id', id);
    checkNumber('snapshot.bytes', bytes);
    checkConfiguration(configuration);
  },
  'snapshot-chunk'({ id, offset, data }) {
    checkId('id', id);
    checkNumber('offset', offset);
    checkBytes(data);
  },
  'snapshot-status'({ id, offset, resend }) {
    checkId('id', id);
    checkNumber('offset', offset);
    checkFlag('resend', resend);
  },
  'snapshot-request': number('least'),
};

function fieldsOf(name: string, value: unknown): Fields {
  if (typeof value === 'object' && value !== null) return value as Fields;
  throw new BadMessage(`${name} is no object`);
}

function checkId(name: string, id: unknown): void {
  if (typeof id !== 'string' || id === '' || id.length > ID_LENGTH_MAX) {
    throw new BadMessage(`${name} is no name`);
  }
}

function checkNumber(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new BadMessage(`${name} is no index, term or count`);
}

function checkFlag(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new BadMessage(`${name} is neither true nor false`);
}

function checkBytes(data: unknown): void {
  if (!(data instanceof Uint8Array)) throw new BadMessage('data is no bytes');
}

function checkPosition(name: string, position: unknown, term: number): [index: number, of: number] {
  const fields = fieldsOf(name, position);
  const index = checkNumber(`${name}.index`, fields['index']);
  const of = checkNumber(`${name}.term`, fields['term']);
  if (of > term) throw new BadMessage(`${name}.term is ${of}, in term ${term}`);
  return [index, of];
}

function checkEntries(prev: unknown, entries: unknown, term: number): void {
  let [index, before] = checkPosition('prev', prev, term);
  if (!Array.isArray(entries)) throw new BadMessage('entries are no list');
  for (const entry of entries as readonly unknown[]) {
    const [at, of] = checkPosition('entry', entry, term);
    if (at !== index + 1 || of < before) {
      throw new BadMessage(`entry ${at} of term ${of} follows ${index} of term ${before}`);
    }
    checkContent(fieldsOf('entry', entry));
    [index, before] = [at, of];
  }
}

function checkContent({ kind, data, configuration }: Fields): void {
  if (kind === 'command') checkBytes(data);
  else if (kind === 'configuration') checkConfiguration(configuration);
  else if (kind !== 'noop' && kind !== 'withheld') {
    throw new BadMessage(`an entry of kind '${typeof kind === 'string' ? kind : typeof kind}'`);
  }
}

function checkConfiguration(configuration: unknown): void {
  const fields = fieldsOf('configuration', configuration);
  for (const name of ['voters', 'outgoing', 'learners', 'promotable', 'witnesses']) {
    const ids = fields[name];
    if (!Array.isArray(ids)) throw new BadMessage(`${name} are no list`);
    if (ids.length > MEMBERS_MAX) throw new BadMessage(`${name} are over ${MEMBERS_MAX}`);
    for (const id of ids as readonly unknown[]) checkId('member', id);
    if (new Set(ids).size < ids.length) throw new BadMessage(`a member is named twice in ${name}`);
    if (name === 'voters' && ids.length === 0) throw new BadMessage('voters are none');
  }
}
