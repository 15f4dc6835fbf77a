import { createSocket, type Socket } from 'node:dgram';
import { type Address, formatAddress, parseAddress } from './address.ts';
import { HostCache } from './host-cache.ts';
import { type DatagramReceiver, type DatagramSocket, ListenFailed } from './transport.ts';

/** What may wait to be read while the event loop is busy; the system may allow less. */
const UNREAD_BYTES = 1024 * 1024;

/**
 * Opens a UDP socket at `host:port`. What cannot be sent is lost without a word, as on the way.
 * @throws {ListenFailed}
 */
export function udpSocket(address: string, receive: DatagramReceiver): Promise<DatagramSocket> {
  const { host, port } = parseAddress(address);
  const type = host.includes(':') ? 'udp6' : 'udp4';
  const socket = createSocket({
    type,
    recvBufferSize: UNREAD_BYTES,
    lookup: new HostCache().lookup,
  });
  socket.on('message', (bytes, from) => {
    receive(formatAddress({ host: from.address, port: from.port }), bytes);
  });
  return new Promise((resolve, reject) => {
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      // Once it is bound, an error is of one datagram: that one is lost.
      reject(new ListenFailed(address, `for datagrams: ${cause.message}`, { cause }));
    });
    socket.bind({ address: host, port, exclusive: true }, () => resolve(new UdpSocket(socket)));
  });
}

class UdpSocket implements DatagramSocket {
  readonly #socket: Socket;
  #isOpen = true;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(to: string, bytes: Uint8Array): boolean {
    const target = this.#isOpen ? targetOf(to) : undefined;
    if (target === undefined) return false;
    this.#socket.send(bytes, target.port, target.host, lost);
    return true;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.close();
  }
}

/** Addresses are what peers say: what is none is no reason to fail. */
function targetOf(text: string): Address | undefined {
  try {
    const address = parseAddress(text);
    return address.port === 0 ? undefined : address;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** With a callback an error is no event; nobody waits for a single datagram. */
function lost(): void {}
