import type { MessageType, NodeId } from '@troupe/raft';
import { encode, NO_SESSION } from './machine.ts';
import type { SimNode } from './node.ts';
import { changeMembers, rot } from './operator.ts';
import { CHUNK_BYTES } from './swarm.ts';
import type { World } from './world.ts';

/** Sequences of faults that pure chance would seldom put together. */

/** More at once than clients would ask, so that logs differ by more than one entry. */
export function burst({ random }: World, leader: SimNode): void {
  const count = random.between(1, 8);
  const commands = Array.from({ length: count }, (_, call) => {
    const value = random.between(0, 99);
    const write = { kind: 'write', key: 'burst', value } as const;
    return encode({ kind: 'do', session: NO_SESSION, call, do: write });
  });
  leader.ask((raft) => void raft.propose(commands));
}

/** A leader is cut off, does not know it, and comes back with what nobody wants any more. */
export function usurp(world: World, leader: SimNode): void {
  const { network, random, timeline, nodes } = world;
  // One other may be with it, so that its log is not alone in what it has.
  const others = [...nodes.keys()].filter((id) => id !== leader.id);
  const friend = random.chance(0.5) && others.length > 2 ? random.anyOf(others) : undefined;
  for (const id of others) {
    if (id === friend) continue;
    network.cutLink(leader.id, id);
    if (friend !== undefined) network.cutLink(friend, id);
  }
  timeline.after(random.between(0, 60), () => {
    if (random.chance(0.3)) changeMembers(world, leader);
    burst(world, leader);
  });
  timeline.after(random.between(100, 500), () => {
    network.mend(leader.id);
    if (friend !== undefined) network.mend(friend);
  });
}

/**
 * Two leaders, one after the other, each with entries that a majority does not get; then the first
 * leads again, and finds in the log of the second what is as new as its own and is not the same.
 */
export function fork(world: World, leader: SimNode): void {
  const { network, random, timeline, nodes } = world;
  const others = random.shuffled([...nodes.keys()].filter((id) => id !== leader.id));
  const [friend, second, ...rest] = others;
  if (friend === undefined || second === undefined || rest.length < 2) return usurp(world, leader);
  const silence = (): void => {
    for (const id of nodes.keys()) network.cut.add(`${second}>${id}`);
  };
  for (const id of [second, ...rest]) {
    network.cutLink(leader.id, id);
    network.cutLink(friend, id);
  }
  timeline.after(random.between(0, 20), () => burst(world, leader));
  timeline.after(random.between(125, 160), () => {
    network.lieInWait({
      type: 'vote-reply',
      when: (message) => message.type === 'vote-reply' && message.granted && message.to === second,
      delay: 0,
      act: silence,
    });
    nodes.get(second)?.ask((raft) => raft.campaign());
  });
  timeline.after(random.between(170, 200), () => {
    const usurper = nodes.get(second);
    if (usurper?.status?.role === 'leader') burst(world, usurper);
  });
  timeline.after(random.between(220, 260), () => {
    network.mend(leader.id);
    network.mend(friend);
    if (!world.isCalm) silence();
  });
  timeline.after(random.between(400, 600), () => network.mend(second));
}

/** Others lead before the leader knows: by an heir who was told to, or by voters who forget. */
export function overthrow(world: World, leader: SimNode): void {
  const { random, timeline, nodes, network } = world;
  const others = [...nodes.values()].filter((other) => other !== leader);
  const heir = random.anyOf(others);
  // What the others still say to it may come so late that they have long had another leader.
  if (random.chance(0.6)) network.slowDown(leader.id, { duration: 100, delay: 95 });
  const way = random.pick(['transfer', 'restart', 'wait', 'estrange']);
  if (way === 'transfer') {
    const patience = random.between(3, 25);
    leader.ask((raft) => void raft.transfer(heir?.id ?? ''));
    timeline.after(patience, () => network.cutOff(leader.id));
  } else if (way === 'estrange') {
    // All but the heir have not heard the leader for long, and would vote for anybody.
    const patience = random.between(105, 160);
    for (const { id } of others) if (id !== heir?.id) network.cutLink(leader.id, id);
    timeline.after(patience, () => {
      network.cutOff(leader.id);
      heir?.ask((raft) => raft.campaign());
    });
  } else {
    const patience = random.between(1, 60);
    timeline.after(patience, () => network.cutOff(leader.id));
    if (way === 'restart') timeline.after(patience, () => restartAll(world, others));
    const vote = way === 'wait' ? random.between(90, 120) : random.between(15, 30);
    timeline.after(patience + vote, () => heir?.ask((raft) => raft.campaign()));
  }
  // Whoever asks the old leader now must not get an old answer.
  for (let delay = 10; delay < 220; delay += 10) {
    timeline.after(delay, () => {
      if (heir !== undefined && !world.isWitness(heir.id)) world.clients.probe('write', heir.id);
      world.clients.probe('read', leader.id);
    });
  }
  timeline.after(random.between(200, 400), () => network.mend(leader.id));
}

function restartAll({ random, timeline }: World, nodes: readonly SimNode[]): void {
  for (const node of nodes) {
    if (node.isUp) node.crash();
    timeline.after(random.between(1, 10), () => (node.isUp ? undefined : node.start()));
  }
}

/** A node misses so much that others have to send it a snapshot, and something may stop that. */
export function lag(world: World, node: SimNode): void {
  const { network, random, timeline, nodes } = world;
  network.cutOff(node.id);
  const others = [...nodes.values()].filter((other) => other !== node);
  timeline.after(random.between(100, 300), () => {
    for (const other of others) {
      if (other.status?.role !== 'leader') continue;
      burst(world, other);
      if (random.chance(0.3)) changeMembers(world, other);
    }
  });
  const everybody = random.chance(0.5);
  timeline.after(random.between(300, 500), () => {
    for (const other of others) {
      const compacts = everybody || other.status?.role === 'leader';
      if (compacts && !other.isPaused) other.snapshot(random.pick([0, 0, 1]));
    }
    network.mend(node.id);
    if (random.chance(0.6)) interrupt(world);
  });
}

/** In the middle of a snapshot, or at its end, somebody goes, or leads, or it is made anew. */
function interrupt(world: World): void {
  const { network, random, nodes } = world;
  const type = random.pick<MessageType>(['snapshot-offer', 'snapshot-chunk', 'snapshot-status']);
  const what = random.pick(['sender', 'receiver', 'snapshot', 'late', 'hand over', 'hand over']);
  const isAtEnd = what === 'hand over';
  network.lieInWait({
    type: isAtEnd ? 'snapshot-chunk' : type,
    when: (message) =>
      !isAtEnd || (message.type === 'snapshot-chunk' && message.data.length < CHUNK_BYTES),
    delay: what === 'late' ? random.between(50, 400) : 0,
    act: ({ from, to }) => {
      const [sender, receiver] = [nodes.get(from), nodes.get(to)];
      // No draw of its own: worlds in which it does not happen stay as they were.
      const rots = what === 'snapshot' && type === 'snapshot-chunk';
      if (rots && sender !== undefined) rot(world, sender);
      if (what === 'sender' && sender !== undefined) world.crash(sender);
      if (what === 'receiver' && receiver !== undefined) world.crash(receiver);
      for (const node of [sender, receiver]) {
        if (what === 'snapshot' && node?.status?.role === 'leader') renew(world, node);
      }
      if (what !== 'hand over') return;
      const heir = random.anyOf([...nodes.keys()].filter((id) => id !== from && id !== to));
      receiver?.hangDisk(random.between(20, 300), 'snapshots');
      sender?.ask((raft) => void raft.transfer(heir ?? ''));
    },
  });
}

/** The leader gets on, and compacts, while it sends a snapshot. */
function renew(world: World, leader: SimNode): void {
  burst(world, leader);
  world.timeline.after(world.random.between(10, 60), () => {
    if (!leader.isPaused) leader.snapshot(0);
  });
}

const types = [
  'vote',
  'vote-reply',
  'pre-vote-reply',
  'append',
  'append-reply',
  'append-rejected',
  'heartbeat-reply',
  'timeout-now',
  'stale-term',
  'read-reply',
  'snapshot-offer',
  'snapshot-chunk',
  'snapshot-status',
] as const satisfies readonly MessageType[];

/** Waits for a message of some kind, and strikes when it is sent. */
export function ambush(world: World): void {
  const { network, random, nodes, timeline } = world;
  const act = random.pick(['late', 'crash-sender', 'crash-receiver', 'cut-sender', 'pause']);
  const node = (id: NodeId): SimNode | undefined => nodes.get(id);
  network.lieInWait({
    type: random.pick(types),
    delay: act === 'late' ? random.between(100, 1_500) : 0,
    act: ({ from, to }) => {
      const [sender, receiver] = [node(from), node(to)];
      if (act === 'crash-sender' && sender !== undefined) world.crash(sender);
      if (act === 'crash-receiver' && receiver !== undefined) world.crash(receiver);
      if (act === 'cut-sender') network.cutOff(from);
      if (act === 'pause' && receiver !== undefined) {
        receiver.pausedUntil = timeline.now + random.between(20, 400);
      }
    },
  });
}
