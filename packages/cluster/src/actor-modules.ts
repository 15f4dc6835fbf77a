import { Actor, type ActorClass } from '@troupe/actor';
import { definitionOf } from '@troupe/actor/internal';
import type { ErrorClass } from '@troupe/remote';
import { loadModule } from './load-module.ts';

/** What a node knows by class: actors that it may host, and errors that arrive as themselves. */
export interface ActorClasses {
  readonly actors: readonly ActorClass[];
  readonly errors: readonly ErrorClass[];
}

/**
 * Loads the modules among `listed`, and takes from each the actor classes that it exports, and the
 * error classes, which its methods may throw.
 * @throws {TypeError} for a module that exports no actor
 */
export async function loadActors(listed: readonly (ActorClass | URL)[]): Promise<ActorClasses> {
  const actors = new Set<ActorClass>();
  const errors = new Set<ErrorClass>();
  for (const item of listed) {
    if (!(item instanceof URL)) {
      actors.add(item);
      continue;
    }
    const before = actors.size;
    for (const value of Object.values(await loadModule(item.href))) {
      if (isNamedActor(value)) actors.add(value);
      else if (isErrorClass(value)) errors.add(value);
    }
    if (actors.size > before) continue;
    throw new TypeError(
      `${item.href} exports no actor: export a class that bears @actor({ kind }), ` +
        'or was made by defineActor',
    );
  }
  return { actors: [...actors], errors: [...errors] };
}

function isNamedActor(value: unknown): value is ActorClass {
  if (typeof value !== 'function' || !(value.prototype instanceof Actor)) return false;
  return definitionOf(value as ActorClass).named;
}

function isErrorClass(value: unknown): value is ErrorClass {
  return typeof value === 'function' && value.prototype instanceof Error;
}
