import { BadOption } from '@troupe/actor';
import { messageOf } from '@troupe/actor/internal';
import { type Address, formatAddress, isEverywhere, parseAddress, schemeOf } from './address.ts';
import type { Transport } from './transport.ts';

/**
 * `network`, whose listeners say that they are to be reached elsewhere than where they listen, as
 * behind a port that a router or a container maps.
 * @param advertise `host:port`; port 0 stands for the one that is listened on
 * @throws {BadOption} when it is no address that others could dial
 */
export function advertisedTransport(network: Transport, advertise: string): Transport {
  const { host, port } = addressOf(advertise);
  if (isEverywhere(advertise)) {
    const advice = 'whoever is told that connects to itself; give a host that others can reach';
    throw new BadOption('advertise', advertise, advice);
  }
  return {
    name: network.name,
    needsSecret: (address) => network.needsSecret(address),
    dial: (address, options) => network.dial(address, options),
    datagrams: async (address, receive) => network.datagrams?.(address, receive),
    async listen(wanted, accept, refused) {
      if (schemeOf(wanted) !== undefined) {
        throw new TypeError(`what listens at ${wanted} cannot be reached at ${advertise}`);
      }
      const listener = await network.listen(wanted, accept, refused);
      const own = parseAddress(listener.address);
      return {
        address: formatAddress({ host, port: port === 0 ? own.port : port }),
        boundAddress: listener.address,
        close: () => listener.close(),
      };
    },
  };
}

function addressOf(advertise: string): Address {
  try {
    return parseAddress(advertise);
  } catch (cause) {
    throw new BadOption('advertise', advertise, messageOf(cause), { cause });
  }
}
