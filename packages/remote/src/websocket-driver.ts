import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { whenSilent } from './socket-connection.ts';
import { CLOSED_IN_ORDER, WebSocketConnection } from './websocket-connection.ts';

/** Messages are binary; who sends text is none of ours. */
const UNSUPPORTED_DATA = 1003;

/** What one write of a node may be: far more than its session ever makes of it. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** The library would count from the call of close, whatever still flows: it never gets to this. */
const CLOSE_TIMEOUT_MS = 2 ** 31 - 1;

export interface WebSocketLimits {
  readonly perMessageDeflate: false;
  readonly maxPayload: number;
  readonly closeTimeout: number;
}

/** Deflate would cost more memory than all else that is kept for a connection. */
export function limitsOf(messageBytesMax: number = MESSAGE_BYTES_MAX): WebSocketLimits {
  return {
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
}

/** @throws {TypeError} */
export function urlOf(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === 'ws:' || url?.protocol === 'wss:') return url;
  throw new TypeError(`an address is ws://host:port/path, not '${address}'`);
}

/** Without the brackets of IPv6. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

export interface WebSocketFacts {
  /** What the WebSocket is spoken over. */
  readonly carrier: Socket;
  readonly remoteAddress: string;
  readonly isLoopback: boolean;
}

/** @param socket open, and paused from here on until the connection is started */
export function connectionOver(
  socket: WebSocket,
  { carrier, ...facts }: WebSocketFacts,
): WebSocketConnection {
  // Whoever has ended it, the other side may never answer.
  const lookForSilence = whenSilent(
    carrier,
    () => socket.readyState !== socket.OPEN,
    () => socket.terminate(),
  );
  let onSent: (() => void) | undefined;
  const sent = (): void => {
    const run = onSent;
    onSent = undefined;
    run?.();
  };
  socket.pause();
  const connection = new WebSocketConnection({
    ...facts,
    bufferedBytes: () => socket.bufferedAmount,
    send: (bytes) => socket.send(bytes, sent),
    afterSending: (run) => (onSent = run),
    resume: () => socket.resume(),
    close() {
      socket.close(CLOSED_IN_ORDER);
      lookForSilence(); // It may be silent already, with much before the goodbye.
    },
    destroy: () => socket.terminate(),
  });
  socket.on('message', (message, isBinary) => {
    if (message instanceof Buffer && isBinary) connection.receive(message);
    else socket.close(UNSUPPORTED_DATA, 'messages are binary');
  });
  socket.on('error', () => socket.terminate()); // 'close' follows and tells.
  socket.on('close', (code, reason) => connection.ended(code, reason.toString()));
  return connection;
}
