/**
 * A log that keeps what it is told, for tests of whoever speaks to one. Knows nothing of levels and formats.
 */
import type { Log, LogFields } from '../../src/observe/log.ts';

export interface LogEntry {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export class RecordingLog implements Log {
  readonly entries: LogEntry[] = [];

  error(message: string, fields?: LogFields): void {
    this.entries.push({ level: 'error', message, fields });
  }

  warn(message: string, fields?: LogFields): void {
    this.entries.push({ level: 'warn', message, fields });
  }

  info(message: string, fields?: LogFields): void {
    this.entries.push({ level: 'info', message, fields });
  }

  debug(message: string, fields?: LogFields): void {
    this.entries.push({ level: 'debug', message, fields });
  }

  /** The messages of a level, in order. */
  messages(level: LogEntry['level']): readonly string[] {
    return this.entries.filter((entry) => entry.level === level).map(({ message }) => message);
  }
}
