import type { VirtualEnv } from '@troupe/actor/testing';
import { connectionRefused, type DatagramReceiver } from '@troupe/remote';
import type { NodeId } from './member.ts';
import type { MembershipNet } from './membership.ts';

/**
 * Joins memberships by address, in virtual time and in memory: one that is gone refuses, one that
 * is frozen is silent. What is exchanged is copied, as if it had travelled.
 */
export class MemoryNet {
  readonly answers: Map<string, (payload: unknown) => unknown> = new Map();
  readonly frozen: Set<string> = new Set();
  /** Whether what is sent from one address to another is lost. */
  isCut: (from: string, to: string) => boolean = () => false;
  /** Whether datagrams get through. */
  carriesDatagrams = true;
  readonly #sockets = new Map<string, DatagramReceiver>();
  readonly #env: VirtualEnv;

  constructor(env: VirtualEnv) {
    this.#env = env;
  }

  /** The network as who listens at `address` sees it. */
  at(address: string): MembershipNet {
    const isSilent = (to: string): boolean =>
      this.frozen.has(to) || this.frozen.has(address) || this.isCut(address, to);
    const reach = async (to: string, timeoutMs: number): Promise<(payload: unknown) => unknown> => {
      await Promise.resolve();
      if (isSilent(to)) {
        await new Promise<void>((resolve) => void this.#env.setTimer(timeoutMs, resolve));
        throw new Error('timed out');
      }
      const answer = this.answers.get(to);
      if (answer === undefined) throw connectionRefused('nobody is there');
      return answer;
    };
    return {
      onExchange: (answer) => void this.answers.set(address, answer),
      exchange: async (to, payload, timeoutMs) => {
        const answer = await reach(addressOf(to), timeoutMs);
        return structuredClone(await answer(structuredClone(payload)));
      },
      socketAddress: address,
      connect: async (to) => void (await reach(to, CONNECT_TIMEOUT_MS)),
      datagrams: async (receive) => {
        this.#sockets.set(address, receive);
        return {
          send: (to, bytes) => {
            if (isSilent(to) || !this.carriesDatagrams) return true;
            const content = Uint8Array.from(bytes);
            queueMicrotask(() => this.#sockets.get(to)?.(address, content));
            return true;
          },
          close: () => void this.#sockets.delete(address),
        };
      },
    };
  }

  /** As `kill -9` does: nobody answers there, and the address refuses. */
  end(address: string): void {
    this.answers.delete(address);
    this.#sockets.delete(address);
  }
}

const CONNECT_TIMEOUT_MS = 5_000;

function addressOf(to: string | NodeId): string {
  return typeof to === 'string' ? to : to.address;
}
