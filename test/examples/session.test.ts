import test from 'ava';
import { type Node, startNode, staticMembers } from 'troupe';
import { virtualEnv } from '@troupe/actor/testing';
import { MemoryNetwork } from '@troupe/remote';
import { Board } from '@troupe/example-chat/board';
import { Room } from '@troupe/example-chat/room';
import { type Screen, Screens } from '@troupe/example-chat/screens';
import { SeatLost } from '@troupe/example-chat/seat-lost';
import { roomOn } from './chat.ts';

/** Three nodes of the chat in this process, on a network and in a time of their own. */
class Chat implements AsyncDisposable {
  readonly env = virtualEnv();
  readonly network = new MemoryNetwork();
  readonly #nodes: Node[] = [];

  static async start(): Promise<Chat> {
    const chat = new Chat();
    for (const name of ['a', 'b', 'c']) {
      const node = await startNode({
        name,
        listen: `${name}:1`,
        // Takes its time to give up who is gone.
        membership: staticMembers({ seeds: name === 'a' ? [] : ['a:1'] }),
        actors: [Room, Board],
        errors: [SeatLost],
        env: chat.env,
        transport: chat.network.transport(name),
      });
      chat.#nodes.push(node);
    }
    await chat.env.advance(3_000); // Everybody has heard from everybody.
    return chat;
  }

  /** The people who came in by node a. */
  screens(): Screens {
    const [a] = this.#nodes;
    if (a === undefined) throw new TypeError('BUG: no node a');
    return new Screens(a);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = Promise.all(this.#nodes.map((node) => node.stop()));
    await this.env.advance(10_000);
    await stopped;
  }
}

/** What is on the screen and was not looked at yet: the rooms it welcomed to, and who was there. */
function welcomes(screen: Screen): readonly string[] {
  return screen.events.receiveBatch(64).flatMap((event) => {
    if (event.kind !== 'welcome') return [];
    return [`${event.room}: ${event.people.map(({ nick }) => nick).join(', ')}`];
  });
}

test('who leaves a room that is out of reach for another one stays in that one', async (t) => {
  await using chat = await Chat.start();
  const [lost, found] = [roomOn('c'), roomOn('a')];
  const screens = chat.screens();
  const ann = screens.open();
  const bob = screens.open();
  await ann.session.enter(lost, 'ann', 'tab-1');
  chat.network.crash('c');
  await chat.env.settled();

  await ann.session.enter(found, 'ann', 'tab-1');
  await chat.env.advance(10_000); // The lost room has another home by now.
  await bob.session.enter(lost, 'bob', 'tab-2');
  await chat.env.settled();

  t.deepEqual(welcomes(ann), [`${lost}: ann`, `${found}: ann`]);
  t.deepEqual(welcomes(bob), [`${lost}: bob`]);
});
