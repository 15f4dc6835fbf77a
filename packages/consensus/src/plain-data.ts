import { BadBytes, type ValuePort } from '@troupe/remote';

/** Plain data only: nothing that lives on one node has a meaning in a log, or in a snapshot. */
export const plainData: ValuePort = {
  dehydrate: () => undefined,
  hydrate(tag) {
    throw new BadBytes(`a value of kind ${tag}, where there is plain data only`);
  },
};
