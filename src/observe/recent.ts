/** Keeps the last warnings and errors of a log, for whoever looks later, and passes everything on. */
import type { Log, LogFields } from './log.ts';
import type { Said } from './vitals.ts';

/** As many as a person reads. */
const KEPT = 20;

export class RecentLog implements Log {
  readonly #log: Log;
  readonly #said: Said[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** The latest last. */
  get said(): readonly Said[] {
    return this.#said;
  }

  error(message: string, fields?: LogFields): void {
    this.#keep('error', message, fields);
    this.#log.error(message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#keep('warn', message, fields);
    this.#log.warn(message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log.info(message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#log.debug(message, fields);
  }

  #keep(level: string, message: string, fields: LogFields = {}): void {
    const details = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${String(value)}`);
    this.#said.push({
      time: new Date().toISOString(),
      level,
      text: [message, ...details].join(' '),
    });
    this.#said.splice(0, this.#said.length - KEPT);
  }
}
