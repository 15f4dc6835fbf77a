import test from 'ava';
import { type DatagramSocket, ListenFailed, networkTransport, tcpTransport } from '@troupe/remote';

interface Ear {
  readonly address: string;
  readonly socket: DatagramSocket;
  /** The next datagram: where it came from, and what it says. */
  heard(): Promise<readonly [from: string, text: string]>;
}

/** A listener and a socket for datagrams beside it, under one address. */
async function listening(): Promise<Ear> {
  const network = networkTransport();
  const { address, close } = await network.listen('127.0.0.1:0', () => {});
  await close(); // Only its port is wanted.
  const got: (readonly [string, string])[] = [];
  let wake = (): void => {};
  const socket = await network.datagrams?.(address, (from, bytes) => {
    got.push([from, Buffer.from(bytes).toString()]);
    wake();
  });
  if (socket === undefined) throw new TypeError('BUG: no socket');
  const heard = async (): Promise<readonly [string, string]> => {
    while (got.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return got.shift() ?? ['', ''];
  };
  return { address, socket, heard };
}

test('a datagram arrives with the address of who sent it', async (t) => {
  const [a, b] = [await listening(), await listening()];

  t.true(a.socket.send(b.address, Buffer.from('hello')));

  t.deepEqual(await b.heard(), [a.address, 'hello']);
  a.socket.close();
  b.socket.close();
});

test('what no datagram can get to is said, and harms nothing', async (t) => {
  const [a, b] = [await listening(), await listening()];

  for (const to of [
    '',
    'nonsense',
    'unix:/run/a.sock',
    'thread:/a',
    '~a/1',
    '127.0.0.1:0',
    'a:b',
  ]) {
    t.false(a.socket.send(to, Buffer.from('lost')), to);
  }
  t.true(a.socket.send('no-such-host.invalid:7', Buffer.from('lost')));
  t.true(a.socket.send(b.address, Buffer.from('hello')));

  t.deepEqual(await b.heard(), [a.address, 'hello']);
  a.socket.close();
  t.false(a.socket.send(b.address, Buffer.from('lost')));
  a.socket.close();
  b.socket.close();
});

test('a port that is taken is an error with what to do about it', async (t) => {
  const { address, socket } = await listening();
  const opening = async (): Promise<unknown> => tcpTransport().datagrams?.(address, () => {});

  const error = await t.throwsAsync(opening, { instanceOf: ListenFailed });

  t.regex(error?.message ?? '', new RegExp(`${address}.*datagrams`));
  socket.close();
});

test('addresses of other transports have no datagrams', async (t) => {
  const network = networkTransport();

  t.is(await network.datagrams?.('unix:/run/a.sock', () => {}), undefined);
  t.is(await network.datagrams?.('ws://127.0.0.1:1/x', () => {}), undefined);
});
