import { type ActorRef, startNode } from 'troupe';
import { Cruncher } from './cruncher.ts';
import { inFlight, main, repeat } from './measure.ts';

/** Calls in one batch of the warm-up. */
const BURST = 1_000;

/** Two actors that compute, called at the same time, on so many worker threads. */
export async function measureWorkers(workers: number): Promise<void> {
  const node = await startNode({
    workers: { count: workers, actors: [new URL('./cruncher.js', import.meta.url)] },
  });
  const places = [0, 1].map((at) => node.workers[at % workers] ?? '');
  const actors = await Promise.all(places.map((place) => node.at(place).spawn(Cruncher)));
  const actorFor = (value: number): ActorRef<Cruncher> => {
    const actor = actors[value % actors.length];
    if (actor === undefined) throw new Error('there are no actors');
    return actor;
  };
  await main({
    async workers(program) {
      const quick = (value: number): Promise<number> => actorFor(value).echo(value);
      const slow = (value: number): Promise<number> => actorFor(value).crunch(value);
      // Calls that compute are too few, in any warm-up, for what brings them there to be compiled.
      await repeat({ ...program, ms: 1 }, { batch: () => inFlight(2, BURST, quick) });
      return repeat(program, { batch: () => inFlight(2, program.operations, slow) });
    },
  });
}
