import { Actor, actor, rpc } from 'troupe';

/** Steps of one call: about a millisecond. */
const STEPS = 1_000_000;

/** Computes for a while, and awaits nothing. Worker threads load this module. */
@actor({ kind: 'cruncher' })
export class Cruncher extends Actor {
  @rpc echo(value: number): number {
    return value;
  }
  @rpc crunch(value: number): number {
    let noise = value;
    for (let step = 0; step < STEPS; step += 1) noise = (Math.imul(noise, 1_664_525) + 1) | 0;
    return noise === value + 0.5 ? 0 : value; // Never so; but the noise has to be computed.
  }
}
