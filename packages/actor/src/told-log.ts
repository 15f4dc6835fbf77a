import type { Log, LogFields } from './env.ts';

/** What was logged on a thread, as it crosses to the one that writes it. */
export interface LogNews {
  readonly kind: 'log';
  readonly level: keyof Log;
  readonly fields: LogFields;
  readonly message: string;
}

/** The log of a thread that leaves it to another to write: `tell` is given plain data alone. */
export function toldLog(tell: (news: LogNews) => void): Log {
  const at =
    (level: keyof Log) =>
    (fields: LogFields, message: string): void => {
      const copies: Record<string, unknown> = {};
      for (const [name, value] of Object.entries(fields)) copies[name] = copied(value);
      tell({ kind: 'log', level, fields: copies, message });
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** `value`, or a text in its place when it cannot be copied to another thread. */
export function copied(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return String(value);
  }
}
