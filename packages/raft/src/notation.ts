import type { Configuration } from './configuration.ts';
import type { Entry, Position } from './entry.ts';
import type { Message } from './message.ts';

/** How traces write what is in the core: short, one line each, the same every time. */

export function showPosition({ index, term }: Position): string {
  return `${index}/t${term}`;
}

export function showEntry(entry: Entry): string {
  const at = showPosition(entry);
  if (entry.kind === 'command') return `${at} '${String.fromCharCode(...entry.data)}'`;
  if (entry.kind === 'configuration') return `${at} ${showConfiguration(entry.configuration)}`;
  return `${at} ${entry.kind}`;
}

export function showConfiguration(configuration: Configuration): string {
  const { voters, outgoing, learners, promotable, witnesses } = configuration;
  const name = (id: string): string =>
    id + (witnesses.includes(id) ? '*' : '') + (promotable.includes(id) ? '+' : '');
  const list = (ids: readonly string[]): string => ids.map(name).join(' ');
  const old = outgoing.length > 0 ? ` && ${list(outgoing)}` : '';
  return `{${list(voters)}${old}${learners.length > 0 ? ` | ${list(learners)}` : ''}}`;
}

export function showMessage(message: Message): string {
  const { type, from, to, term } = message;
  return `${from} -> ${to} ${type} t${term}${contentOf(message)}`;
}

function contentOf(message: Message): string {
  switch (message.type) {
    case 'pre-vote':
      return ` last ${showPosition(message.last)}`;
    case 'vote':
      return ` last ${showPosition(message.last)}${message.transfer ? ' by transfer' : ''}`;
    case 'pre-vote-reply':
    case 'vote-reply':
      return message.granted ? ' yes' : ' no';
    case 'append': {
      const { prev, entries, commit } = message;
      const list = entries.map(showEntry).join(', ');
      return ` after ${showPosition(prev)} [${list}] commit ${commit}`;
    }
    case 'append-reply':
      return ` match ${message.match}`;
    case 'append-rejected':
      return ` not ${message.rejected}, perhaps ${showPosition(message.hint)}`;
    case 'heartbeat':
      return ` round ${message.round} commit ${message.commit}${message.quiet ? ' quiet' : ''}`;
    case 'heartbeat-reply':
      return ` round ${message.round}`;
    case 'timeout-now':
      return ` last ${message.last}`;
    case 'read':
      return ` #${message.context}`;
    case 'read-reply':
      return ` #${message.context} at ${message.index}`;
    case 'snapshot-offer': {
      const { id, bytes } = message.snapshot;
      return ` '${id}' at ${showPosition(message.snapshot)}, ${bytes} bytes`;
    }
    case 'snapshot-chunk':
      return ` '${message.id}' ${message.offset}+${message.data.length}`;
    case 'snapshot-status':
      return ` '${message.id}' ${message.offset}${message.resend ? ' resend' : ''}`;
    case 'snapshot-request':
      return ` least ${message.least}`;
    case 'stale-term':
      return '';
  }
}
