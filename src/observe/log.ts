/**
 * The agent's own log: one JSON object per line on stderr, or short lines for a person on a terminal.
 * It says what failed, on what, and what to do; it never carries the content of an event.
 */
import { isatty } from 'node:tty';
import sonicBoom, { type SonicBoom } from 'sonic-boom';
import { escapeControl, wantsColor } from './terminal.ts';

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

export interface LogOptions {
  readonly level: LogLevel;
  /** `auto`, the default: lines for people when the descriptor is a terminal, JSON otherwise. */
  readonly style?: 'auto' | 'json' | 'human';
  /** The descriptor that is written to; 2 (stderr) when left out. It stays open. */
  readonly fd?: number;
  /** Decides about colour (NO_COLOR, FORCE_COLOR, TERM); the environment of the process when left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Lines that wait for a stderr that takes nothing just now; when these are full, newer lines are dropped. */
const UNWRITTEN_BYTES_MAX = 256 * 1024;
/**
 * How often in a row the log waits (100 ms each time, blocking) for a full pipe that does not block by itself.
 * A reader that has not moved for a second will not move for the log's sake: shipping goes on, the log waits.
 */
const FULL_PIPE_WAITS_MAX = 10;

/**
 * A log whose lines are with the kernel when a call returns. No write error ever reaches the caller or the
 * process: a disk that is full, a terminal that is gone or a reader that left must not stop the shipping.
 */
export function createLog({ level, style = 'auto', fd = 2, env = process.env }: LogOptions): Log {
  const isTTY = isatty(fd);
  const sink = openSink(fd);
  const isHuman = style === 'human' || (style === 'auto' && isTTY);
  const color = wantsColor({ isTTY }, env);
  const lineOf: LineOf = isHuman ? (...line) => humanLine(...line, color) : jsonLine;
  const enabled = LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(level) + 1);
  const writer =
    (lineLevel: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (!enabled.includes(lineLevel)) return;
      sink.write(`${lineOf(new Date(), lineLevel, message, fields)}\n`);
    };
  return {
    error: writer('error'),
    warn: writer('warn'),
    info: writer('info'),
    debug: writer('debug'),
  };
}

/** A line of the log without its newline. */
type LineOf = (time: Date, level: LogLevel, message: string, fields: LogFields) => string;

function openSink(fd: number): SonicBoom {
  let waits = 0;
  const sink = new sonicBoom.SonicBoom({
    fd,
    sync: true,
    maxLength: UNWRITTEN_BYTES_MAX,
    retryEAGAIN: () => ++waits <= FULL_PIPE_WAITS_MAX,
  });
  sink.on('write', (count: number) => {
    if (count > 0) waits = 0;
  });
  // What could not be written stays in the sink and is tried again with the next line. There is no second place
  // to report to, and an error event without a listener would end the process.
  sink.on('error', () => undefined);
  return sink;
}

const jsonLine: LineOf = (time, level, msg, fields) =>
  JSON.stringify({ level, time: time.toISOString(), msg, ...fields });

const COLOR_OF_LEVEL: Readonly<Record<LogLevel, number>> = {
  error: 31,
  warn: 33,
  info: 36,
  debug: 90,
};
const DIM = 2;

/** `12:01:02 warn   message  key=value`, in local time and without a newline. */
export function humanLine(
  time: Date,
  level: LogLevel,
  message: string,
  fields: LogFields,
  color: boolean,
): string {
  const paint = (code: number, text: string): string =>
    color ? `\u001b[${code}m${text}\u001b[0m` : text;
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `  ${paint(DIM, `${key}=`)}${showValue(value)}`);
  const word = paint(COLOR_OF_LEVEL[level], level.padEnd(5));
  return `${paint(DIM, clock)} ${word}  ${escapeControl(message)}${pairs.join('')}`;
}

/** Texts with spaces or quotes are quoted, so that one can see where they end. */
function showValue(value: LogFields[string]): string {
  const text = escapeControl(String(value));
  return /[\s"=]/.test(text) || text === '' ? `"${text.replaceAll('"', '\\"')}"` : text;
}
