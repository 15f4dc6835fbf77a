import { type Env, processEnv } from '@troupe/actor';
import type { Lines } from '@troupe/remote';
import type { NodeId } from './consensus.ts';
import type { Door } from './line.ts';
import { LineWire } from './line-wire.ts';

export interface EndpointWireOptions {
  /** Of the node's endpoint, which listens for them, and proves who is who. */
  readonly lines: Lines;
  /** Where `node` listens; undefined while that is not known. Asked before every attempt. */
  readonly addressOf: (node: NodeId) => string | undefined;
  readonly env?: Env;
}

/** Lines by the door of the node itself: its port, its certificates, its secret. */
export class EndpointWire extends LineWire {
  constructor(options: EndpointWireOptions) {
    super(doorOf(options), options.env ?? processEnv());
  }
}

function doorOf({ lines, addressOf }: EndpointWireOptions): Door {
  return {
    address: '',
    open: (_node, accept) => Promise.resolve(lines.onLine(accept)),
    async dial(to, make) {
      const address = addressOf(to);
      if (address === undefined) throw new Error(`nobody knows where ${to} listens`);
      await lines.dial(address, (connection, { peer }) => make(connection, peer));
    },
    close: () => Promise.resolve(lines.onLine(undefined)),
  };
}
