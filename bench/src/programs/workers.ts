import { type ActorRef, startNode } from 'troupe';
import { Cruncher } from './cruncher.ts';
import { inFlight, main, repeat } from './measure.ts';

/** Two actors that compute, called at the same time, on so many worker threads. */
export async function measureWorkers(workers: number): Promise<void> {
  const node = await startNode({
    workers: { count: workers, actors: [new URL('./cruncher.js', import.meta.url)] },
  });
  const places = [0, 1].map((at) => node.workers[at % workers] ?? '');
  const actors = await Promise.all(places.map((place) => node.at(place).spawn(Cruncher)));
  await main({
    workers: (program) =>
      repeat(program, {
        batch: () => inFlight(2, program.operations, (value) => crunch(actors, value)),
      }),
  });
}

function crunch(actors: readonly ActorRef<Cruncher>[], value: number): Promise<number> {
  const actor = actors[value % actors.length];
  if (actor === undefined) throw new Error('there are no actors');
  return actor.crunch(value);
}
