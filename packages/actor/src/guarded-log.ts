import { type Log, type LogFields, stderrLog } from './env.ts';

type Level = keyof Log;

/**
 * What happens is logged in the middle of things that must come to their end: whatever `log` throws
 * goes no further. It is told on stderr, the first time.
 */
export function guardedLog(log: Log): Log {
  let isTold = false;
  const guarded =
    (level: Level) =>
    (fields: LogFields, message: string): void => {
      try {
        log[level](fields, message);
      } catch (error) {
        if (!isTold) stderrLog.error({ error }, `the log failed at '${message}'`);
        isTold = true;
      }
    };
  return {
    debug: guarded('debug'),
    info: guarded('info'),
    warn: guarded('warn'),
    error: guarded('error'),
  };
}
