import type { Message, Packet, Update } from './message.ts';

/** Of a whole number in groups of seven bits. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}

function fieldBytes(length: number): number {
  return varintBytes(length) + length;
}

/** Names and addresses are ASCII, a byte a letter. */
function textField(text: string): number {
  return fieldBytes(text.length);
}

function updateBody(update: Update): number {
  const { name, generation, incarnation } = update;
  const about = textField(name) + varintBytes(generation) + varintBytes(incarnation);
  switch (update.kind) {
    case 'alive':
      return about + textField(update.address) + fieldBytes(update.meta.length) + 2;
    case 'suspect':
      return about + textField(update.by) + 1;
    case 'failed':
      return about + textField(update.by) + 1;
    case 'left':
      return about;
  }
}

/** What an update takes in a packet, its kind and length included. */
export function updateBytes(update: Update): number {
  return 1 + fieldBytes(updateBody(update));
}

export function messageBody(message: Message): number {
  switch (message.kind) {
    case 'gossip':
      return 0;
    case 'ping':
      return (
        varintBytes(message.sequence) +
        textField(message.target) +
        varintBytes(message.generation) +
        4
      );
    case 'ack':
    case 'nack':
    case 'refused':
      return varintBytes(message.sequence);
    case 'ping-request':
      return (
        varintBytes(message.sequence) +
        textField(message.target) +
        textField(message.address) +
        varintBytes(message.generation) +
        varintBytes(Math.ceil(message.deadlineMs)) +
        1
      );
    case 'sync':
      return 4 + varintBytes(message.members) + 1;
    case 'rows':
      return message.rows.reduce(
        (sum, row) =>
          sum +
          textField(row.name) +
          varintBytes(row.generation) +
          varintBytes(row.incarnation) +
          1,
        varintBytes(message.rows.length),
      );
    case 'states':
      return message.wanted.reduce(
        (sum, name) => sum + textField(name),
        varintBytes(message.wanted.length),
      );
    case 'taken':
      return textField(message.address);
  }
}

/** Version, cluster, sender, and one record for the message and each update. */
export function packetBytes(packet: Packet): number {
  const { from, generation, message, updates } = packet;
  const head = 1 + 4 + textField(from) + varintBytes(generation);
  const body = 1 + fieldBytes(messageBody(message));
  return updates.reduce((sum, update) => sum + updateBytes(update), head + body);
}
