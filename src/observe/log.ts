/**
 * The agent's own log: one JSON object per line on stderr, or short lines for a person on a terminal.
 * It says what failed, on what, and what to do; it never carries the content of an event.
 */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Values that may stand beside a message: paths, counts, offsets, error codes. Never event text. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}
