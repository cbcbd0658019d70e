/**
 * A log that lumberjack writes and rotates, step by step or at a steady pace, and what is true of it by its files alone:
 * which numbered events each of them holds. Knows nothing of who reads.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { sequenceOf } from '../../src/commands/simulate/events.ts';
import type { LogDirectory } from './log-directory.ts';
import { startLumberjack, type LumberjackRun } from './lumberjack.ts';

/** Events of 10 KB: a hundred of them fill a file, and the writer has time to breathe. */
const PAD_BYTES = 9300;
/** Of two rotations within a millisecond the first backup is overwritten (FIELD.md): this is far from it. */
const EVENTS_PER_SECOND_MAX = 2000;
const MEGABYTE = 1024 * 1024;
const NEWLINE = 10;

export interface RotatedLogOptions {
  readonly binary: string;
  readonly logs: LogDirectory;
  readonly compress: boolean;
  readonly maxbackup: number;
}

/** A file of the log, by its events. */
export interface RotatedFile {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

export class RotatedLog {
  readonly #options: RotatedLogOptions;
  #run: LumberjackRun | undefined;
  #next = 1;
  /** Of each event, with its newline: they differ in digits only. */
  lineBytes = 0;

  /** Whatever becomes of the test, nobody writes when it is over. */
  constructor(t: TestContext, options: RotatedLogOptions) {
    this.#options = options;
    t.after(() => this.#run?.kill('SIGKILL'));
  }

  /** How many events a file holds when it is rotated. */
  get eventsPerFile(): number {
    return Math.floor(MEGABYTE / this.lineBytes);
  }

  /** The number of the last event on the disk. */
  get last(): number {
    return this.files().at(-1)?.last ?? 0;
  }

  /** Writes so many events, and waits until rotation has come to rest. */
  async write(count: number): Promise<void> {
    const result = await this.#start(count, EVENTS_PER_SECOND_MAX).done;
    assert.equal(result?.written, count);
    this.#next += count;
    this.lineBytes = (result?.bytes ?? 0) / count;
    assert.ok(Number.isInteger(this.lineBytes), 'all lines are of one length');
  }

  /** Writes at a steady pace. @returns what ends it, and waits until rotation has come to rest. */
  keepWriting(eventsPerSecond: number): () => Promise<void> {
    const run = this.#start(0, eventsPerSecond);
    return async () => {
      run.kill('SIGTERM');
      this.#next += (await run.done)?.written ?? 0;
    };
  }

  #start(count: number, rate: number): LumberjackRun {
    const { binary, logs, compress, maxbackup } = this.#options;
    const path = logs.file('audit.log');
    const pace = { count, rate, start: this.#next, padBytes: PAD_BYTES };
    this.#run = startLumberjack(binary, { path, compress, maxbackup, ...pace });
    return this.#run;
  }

  /** Oldest first; of a backup that is being compressed one. */
  files(): readonly RotatedFile[] {
    const { path } = this.#options.logs;
    const names = readdirSync(path).filter((name) => name.startsWith('audit'));
    const whole = names.filter(
      (name) => !names.includes(name.replace(/\.gz$/, '')) || !name.endsWith('.gz'),
    );
    return whole
      .map((name) => this.#read(name))
      .filter((file) => file !== undefined)
      .sort((one, other) => one.first - other.first);
  }

  /** Undefined for what holds no whole event, or is gone by now. */
  #read(name: string): RotatedFile | undefined {
    let content: Buffer;
    try {
      content = readFileSync(this.#options.logs.file(name));
      if (name.endsWith('.gz')) content = gunzipSync(content);
    } catch {
      return undefined; // rotation was quicker: another look finds it under its new name
    }
    const end = content.indexOf(NEWLINE) + 1;
    const first = sequenceOf(content.toString('latin1', 0, end));
    if (end === 0 || first === undefined) return undefined;
    return { name, first, last: first + Math.floor(content.length / end) - 1 };
  }
}
