import test from 'ava';
import { formatAddress, isEverywhere, isLoopback, parseAddress } from '../dist/address.js';

for (const [text, host, port] of [
  ['127.0.0.1:7001', '127.0.0.1', 7_001],
  ['example.org:0', 'example.org', 0],
  ['[::1]:65535', '::1', 65_535],
] as const) {
  test(`${text} is an address, and is written the same`, (t) => {
    t.deepEqual(parseAddress(text), { host, port });
    t.is(formatAddress({ host, port }), text);
  });
}

for (const text of ['', ':7001', '7001', 'a:', 'a:65536', 'a:-1', 'a:1e3', '::1:7001', 'a:1 ']) {
  test(`'${text}' is none, and the error shows what one looks like`, (t) => {
    t.throws(() => parseAddress(text), { instanceOf: TypeError, message: /127\.0\.0\.1:7001/ });
  });
}

for (const [host, expected] of [
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::ffff:127.0.0.1', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['127.0.0.1.example.org', false],
  ['', false],
] as const) {
  test(`bytes to '${host}' ${expected ? 'never leave' : 'may leave'} this machine`, (t) => {
    t.is(isLoopback(host), expected);
  });
}

for (const [address, expected] of [
  ['0.0.0.0:7001', true],
  ['0:7001', true],
  ['[::]:7001', true],
  ['[0:0:0:0:0:0:0:0]:0', true],
  ['[::ffff:0.0.0.0]:0', true],
  ['ws://0.0.0.0:8080/nodes', true],
  ['127.0.0.1:7001', false],
  ['10.0.0.0:7001', false],
  ['[::1]:7001', false],
  ['[fe80::]:7001', false],
  ['a0:7001', false],
  ['unix:/run/0', false],
  ['thread:/main', false],
  ['ws://app.example:8080/0.0.0.0:1', false],
  ['', false],
] as const) {
  test(`'${address}' is ${expected ? 'every' : 'not every'} address of a machine`, (t) => {
    t.is(isEverywhere(address), expected);
  });
}
