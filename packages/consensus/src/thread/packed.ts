import type { ProposeOptions } from '../consensus.ts';
import type { Command } from '../state-machine.ts';

/** u32 length | u32 milliseconds, 0: the default | u8: 1 where it is not to be passed on. */
const PROPOSAL_HEADER_BYTES = 9;
/** u32 length | f64 index | f64 epoch. */
const COMMAND_HEADER_BYTES = 20;
const TIMEOUT_MS_MAX = 2 ** 32 - 1;

export interface PackedProposal {
  readonly command: Uint8Array;
  readonly options: ProposeOptions;
}

/**
 * Puts commands into one piece of memory: it can be given to the other thread as it is, where
 * thousands of arrays would have to be copied one by one.
 */
export function packProposals(proposals: readonly PackedProposal[]): Uint8Array {
  let bytes = 0;
  for (const { command } of proposals) bytes += PROPOSAL_HEADER_BYTES + command.length;
  const packed = new Uint8Array(bytes);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const { command, options } of proposals) {
    const { timeoutMs = 0, forward = true } = options;
    view.setUint32(at, command.length);
    view.setUint32(at + 4, Math.min(TIMEOUT_MS_MAX, Math.ceil(timeoutMs)));
    packed[at + 8] = forward ? 0 : 1;
    packed.set(command, at + PROPOSAL_HEADER_BYTES);
    at += PROPOSAL_HEADER_BYTES + command.length;
  }
  return packed;
}

export function unpackProposals(packed: Uint8Array): readonly PackedProposal[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const proposals: PackedProposal[] = [];
  for (let at = 0; at < packed.length;) {
    const start = at + PROPOSAL_HEADER_BYTES;
    const timeoutMs = view.getUint32(at + 4);
    const options: ProposeOptions = {
      ...(timeoutMs > 0 && { timeoutMs }),
      ...(packed[at + 8] === 1 && { forward: false }),
    };
    at = start + view.getUint32(at);
    proposals.push({ command: packed.subarray(start, at), options });
  }
  return proposals;
}

/** The same for commands that are to be applied. */
export function packCommands(commands: readonly Command[]): Uint8Array {
  let bytes = 0;
  for (const { data } of commands) bytes += COMMAND_HEADER_BYTES + data.length;
  const packed = new Uint8Array(bytes);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const { index, epoch, data } of commands) {
    view.setUint32(at, data.length);
    view.setFloat64(at + 4, index);
    view.setFloat64(at + 12, epoch);
    packed.set(data, at + COMMAND_HEADER_BYTES);
    at += COMMAND_HEADER_BYTES + data.length;
  }
  return packed;
}

export function unpackCommands(packed: Uint8Array): readonly Command[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const commands: Command[] = [];
  for (let at = 0; at < packed.length;) {
    const start = at + COMMAND_HEADER_BYTES;
    const end = start + view.getUint32(at);
    const [index, epoch] = [view.getFloat64(at + 4), view.getFloat64(at + 12)];
    commands.push({ index, epoch, data: packed.subarray(start, end) });
    at = end;
  }
  return commands;
}
