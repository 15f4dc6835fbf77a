import { type DiskStore, type LogOptions, openStore } from '@troupe/consensus';
import { type Place, World } from '@troupe/sim';
import { contentOf } from './story.ts';

/** Segments of four sectors: a frame or two each. */
export const tiny = {
  cluster: 'test',
  node: 'a',
  segmentBytes: 2_048,
  sparesMax: 1,
  reserveBytes: 0,
};

/** A host whose process can be ended, with or without its power, and started again. */
export class Host {
  readonly world: World;

  constructor(seed: number) {
    this.world = new World({ seed, hosts: ['a'] });
  }

  get disk(): ReturnType<World['disk']> {
    return this.world.disk('a');
  }

  /** Runs `act` in a process of its own, to its end. */
  run<T>(act: (place: Place) => Promise<T>): Promise<T> {
    return this.world.drive(
      (async () => {
        const result = await this.world.start('a', act);
        this.world.crash('a');
        return result;
      })(),
    );
  }

  /** What a process finds that starts now: the verdict, and the content where there is one. */
  find(options: Partial<LogOptions> = {}): Promise<readonly [verdict: string, content: string]> {
    return this.run(async ({ files, env }) => {
      const opened = await openStore(files, { ...tiny, ...options, env });
      if (opened.verdict === 'corrupt') return [opened.verdict, opened.damage.reason];
      return [opened.verdict, await contentOf(opened.store)];
    });
  }
}

export async function open(
  place: Pick<Place, 'files' | 'env'>,
  options: Partial<LogOptions> = {},
): Promise<DiskStore> {
  const opened = await openStore(place.files, { ...tiny, env: place.env, ...options });
  if (opened.verdict === 'corrupt') throw new Error(opened.damage.reason);
  return opened.store;
}
