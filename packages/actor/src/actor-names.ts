/** What every actor has of its own, by `Actor`, and the hooks that its runtime calls. */
const names: ReadonlySet<string> = new Set([
  'started',
  'stopping',
  'self',
  'bind',
  'entity',
  'key',
  'ctx',
  'log',
  'spawn',
  'go',
  'monitor',
  'link',
  'after',
  'every',
  'become',
  'stash',
  'unstashAll',
  'receiveTimeout',
  'stop',
]);

/** A method for others by such a name would stand where the actor itself looks for its own. */
export function isActorsOwn(name: string): boolean {
  return names.has(name);
}
