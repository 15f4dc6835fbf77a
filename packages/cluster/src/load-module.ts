import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { messageOf } from '@troupe/actor/internal';

/** What JavaScript is called, and the TypeScript that it is compiled from. */
const SOURCE = /\.([cm]?)jsx?$/;
const TYPESCRIPT = /\.[cm]?tsx?$/;

/**
 * Imports a module that the application has named by its URL.
 * @throws {TypeError} where it is TypeScript, and nothing in this thread runs that
 */
export async function loadModule(href: string): Promise<object> {
  try {
    return (await import(href)) as object;
  } catch (cause) {
    const source = typeScriptBehind(new URL(href));
    if (source === undefined) throw cause;
    const reason = messageOf(cause);
    throw new TypeError(
      `${source} is TypeScript and could not be loaded: ${reason}; pass the URL of what it is ` +
        'compiled to, since what runs TypeScript in the main thread, as tsx does, need not be ' +
        'there in a worker',
      { cause },
    );
  }
}

/** The module itself, or what it would be compiled from, had that been done. */
function typeScriptBehind(url: URL): string | undefined {
  if (TYPESCRIPT.test(url.pathname)) return url.href;
  if (url.protocol !== 'file:' || existsSync(url)) return undefined;
  const sources = ['$1ts', '$1tsx'].map((ending) => url.href.replace(SOURCE, `.${ending}`));
  return sources.find((href) => href !== url.href && existsSync(fileURLToPath(href)));
}
