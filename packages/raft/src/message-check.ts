import { type Configuration, MEMBERS_MAX } from './configuration.ts';
import type { Entry, Position } from './entry.ts';
import { BadMessage } from './errors.ts';
import type { Message } from './message.ts';

const ID_LENGTH_MAX = 256;

/**
 * Makes sure that a message from a peer makes sense by itself, whoever sent it. What it claims may
 * still be false: the protocol trusts the members of its group, and nobody's bytes.
 * @throws {BadMessage} and nothing has changed
 */
export function checkMessage(message: Message): void {
  const { type, from, to, term } = message;
  checkId('from', from);
  checkId('to', to);
  checkNumber('term', term);
  switch (type) {
    case 'pre-vote':
    case 'vote':
      return checkPosition('last', message.last, term);
    case 'append':
      checkNumber('commit', message.commit);
      return checkEntries(message.prev, message.entries, term);
    case 'append-reply':
      return checkNumber('match', message.match);
    case 'append-rejected':
      checkNumber('rejected', message.rejected);
      return checkPosition('hint', message.hint, term);
    case 'heartbeat':
      checkNumber('commit', message.commit);
      return checkNumber('round', message.round);
    case 'heartbeat-reply':
      return checkNumber('round', message.round);
    case 'timeout-now':
      return checkNumber('last', message.last);
    case 'read':
      return checkNumber('context', message.context);
    case 'read-reply':
      checkNumber('context', message.context);
      return checkNumber('index', message.index);
    case 'snapshot-offer':
      checkId('snapshot.id', message.snapshot.id);
      checkNumber('snapshot.bytes', message.snapshot.bytes);
      checkConfiguration(message.snapshot.configuration);
      return checkPosition('snapshot', message.snapshot, term);
    case 'snapshot-chunk':
      if (!(message.data instanceof Uint8Array)) throw new BadMessage('data is no bytes');
      return checkNumber('offset', message.offset);
    case 'snapshot-status':
      return checkNumber('offset', message.offset);
    case 'pre-vote-reply':
    case 'vote-reply':
    case 'stale-term':
      return;
    default:
      throw new BadMessage(`of type '${String(type satisfies never)}'`);
  }
}

function checkId(name: string, id: unknown): void {
  if (typeof id !== 'string' || id === '' || id.length > ID_LENGTH_MAX) {
    throw new BadMessage(`${name} is no name`);
  }
}

function checkNumber(name: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || Number(value) < 0) {
    throw new BadMessage(`${name} is ${String(value)}`);
  }
}

function checkPosition(name: string, position: Position, term: number): void {
  checkNumber(`${name}.index`, position.index);
  checkNumber(`${name}.term`, position.term);
  if (position.term > term) {
    throw new BadMessage(`${name}.term is ${position.term}, in term ${term}`);
  }
}

function checkEntries(prev: Position, entries: readonly Entry[], term: number): void {
  checkPosition('prev', prev, term);
  if (!Array.isArray(entries)) throw new BadMessage('entries are no list');
  let before = prev;
  for (const entry of entries) {
    checkPosition('entry', entry, term);
    if (entry.index !== before.index + 1 || entry.term < before.term) {
      const position = `${entry.index} of term ${entry.term}`;
      throw new BadMessage(`entry ${position} follows ${before.index} of term ${before.term}`);
    }
    checkContent(entry);
    before = entry;
  }
}

function checkContent(entry: Entry): void {
  switch (entry.kind) {
    case 'command':
      if (!(entry.data instanceof Uint8Array)) throw new BadMessage('data is no bytes');
      return;
    case 'configuration':
      return checkConfiguration(entry.configuration);
    case 'noop':
    case 'withheld':
      return;
    default:
      throw new BadMessage(`an entry of kind '${String(entry satisfies never)}'`);
  }
}

function checkConfiguration(configuration: Configuration): void {
  const { voters, outgoing, learners, promotable, witnesses } = configuration;
  for (const ids of [voters, outgoing, learners, promotable, witnesses]) {
    if (!Array.isArray(ids)) throw new BadMessage('a configuration without lists of members');
    if (ids.length > MEMBERS_MAX) throw new BadMessage(`${ids.length} members`);
    for (const id of ids) checkId('member', id);
    if (new Set(ids).size < ids.length) throw new BadMessage('a member is named twice');
  }
  if (voters.length === 0) throw new BadMessage('a configuration without voters');
}
