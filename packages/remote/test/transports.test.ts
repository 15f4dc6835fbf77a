import test from 'ava';
import { MemoryNetwork, tcpTransport } from '@troupe/remote';
import { transportCases, type TransportUnderTest } from '@troupe/remote/conformance';

/** Each transport, and a fresh network to try it on. */
const transports: Readonly<Record<string, () => TransportUnderTest>> = {
  tcp() {
    const transport = tcpTransport();
    return { listening: transport, dialling: transport, address: '127.0.0.1:0' };
  },
  memory() {
    const network = new MemoryNetwork();
    return {
      listening: network.transport('a'),
      dialling: network.transport('b'),
      address: 'a:0',
    };
  },
};

for (const [name, make] of Object.entries(transports)) {
  for (const { name: claim, run } of transportCases) {
    test(`${name}: ${claim}`, async (t) => {
      await t.notThrowsAsync(run(make));
    });
  }
}
