import { Actor, type ActorClass } from '@troupe/actor';
import { definitionOf } from '@troupe/actor/internal';
import type { ErrorClass } from '@troupe/remote';

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
    for (const value of Object.values(await load(item))) {
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

async function load({ href, pathname }: URL): Promise<object> {
  try {
    return (await import(href)) as object;
  } catch (cause) {
    if (!/\.[cm]?tsx?$/.test(pathname)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(
      `${href} is TypeScript and could not be loaded: ${reason}; pass the URL of what it is ` +
        'compiled to, since what runs TypeScript in the main thread, as tsx does, need not be ' +
        'there in a worker',
      { cause },
    );
  }
}

function isNamedActor(value: unknown): value is ActorClass {
  if (typeof value !== 'function' || !(value.prototype instanceof Actor)) return false;
  return definitionOf(value as ActorClass).named;
}

function isErrorClass(value: unknown): value is ErrorClass {
  return typeof value === 'function' && value.prototype instanceof Error;
}
