import type { Actor, ActorClass, ActorRef, ActorSystem, AnyRef } from '@troupe/actor';
import { actorDown, definitionOf } from '@troupe/actor/internal';

/** The service of every node that starts actors for others. */
export const ACTORS_SERVICE = 'actors';

type StartThere = (target: ActorClass, args: readonly unknown[]) => Promise<AnyRef>;

/**
 * Starts an actor of this node for somebody who waits for it.
 * @throws what its constructor throws; {ActorDown} when `started` fails, whose error is the cause
 */
export async function begin(
  system: ActorSystem,
  target: ActorClass,
  args: readonly unknown[],
): Promise<AnyRef> {
  const cell = system.start(target, args, {});
  await new Promise<void>((resolve, reject) => {
    const forget = cell.monitor(({ reason }) => {
      reject(actorDown(cell.address, 'unknown', reason));
    });
    cell.whenStarted(() => {
      forget();
      resolve();
    });
  });
  return cell.ref;
}

/** One node of the cluster, a worker or a machine, as a place to start actors on. */
export class Place {
  readonly name: string;
  readonly #start: StartThere;

  constructor(name: string, start: StartThere) {
    this.name = name;
    this.#start = start;
  }

  /**
   * Starts an actor there. The class is found by its kind among those that the other node lists,
   * or its modules export; the arguments travel as those of a call do.
   * @throws {NoSuchActor} executed: no, when the node does not know the class, and what to do.
   *   {ActorDown} when its `started` fails, whose error is the cause.
   *   What else can befall a call can befall this one.
   */
  async spawn<T extends Actor, A extends unknown[]>(
    target: new (...args: A) => T,
    ...args: A
  ): Promise<ActorRef<T>> {
    if (!definitionOf(target).named) {
      throw new TypeError(`class ${target.name} has no kind: decorate it with @actor({ kind: … })`);
    }
    const ref: object = await this.#start(target, args);
    return ref as ActorRef<T>;
  }
}
