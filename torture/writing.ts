/**
 * The writer: lumberjack, at a steady pace, and how far it is. Knows nothing of who reads.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { numbersIn } from '../bench/roll.ts';
import {
  startLumberjack,
  type LumberjackResult,
  type LumberjackRun,
} from '../test/support/lumberjack.ts';

/** Of an event with its newline; `PAD_BYTES` of padding make it so long, which is what Metadata events have in the field. */
export const EVENT_BYTES = 1200;
const PAD_BYTES = 515;
/** Whole events end in the last bytes of a file. */
const TAIL_BYTES = 2 * EVENT_BYTES;
const MAXSIZE_MB = 1;

export interface WritingOptions {
  readonly binary: string;
  /** The directory of the log. */
  readonly logs: string;
  readonly ledger: string;
  readonly maxbackup: number;
  readonly bytesPerSecond: number;
}

/** How long a file is kept after it was the active one. */
export function keptMs(maxbackup: number, bytesPerSecond: number): number {
  return (maxbackup * MAXSIZE_MB * 2 ** 20 * 1000) / bytesPerSecond;
}

interface Sample {
  readonly atMs: number;
  readonly last: number;
}

/** The pace is what it was in this time. */
const PACE_OVER_MS = 2000;
/** When an agent is gone, its processor is free for a writer that is behind. */
const QUICKER = 1.25;

export class Writing {
  readonly #path: string;
  readonly #run: LumberjackRun;
  readonly #bytesPerSecond: number;
  #last = 0;
  /** Of the last seconds, oldest first. */
  #samples: Sample[] = [];

  constructor({ binary, logs, ledger, maxbackup, bytesPerSecond }: WritingOptions) {
    this.#path = join(logs, 'audit.log');
    this.#bytesPerSecond = bytesPerSecond;
    this.#run = startLumberjack(binary, {
      path: this.#path,
      maxsizeMb: MAXSIZE_MB,
      maxbackup,
      compress: true,
      count: 0,
      rate: bytesPerSecond / EVENT_BYTES,
      padBytes: PAD_BYTES,
      ledger,
    });
  }

  /** Rejects when the writer fails. */
  get done(): Promise<LumberjackResult | undefined> {
    return this.#run.done;
  }

  /** The number of the newest event. */
  last(): number {
    for (const number of numbersIn(tailOf(this.#path), 'json')) {
      // One that is cut off is smaller, or none.
      if (number > this.#last) this.#last = number;
    }
    return this.#last;
  }

  /** How fast it may be in the next seconds: as on a busy machine of late, or as it was told. */
  bytesPerSecond(): number {
    const sample = { atMs: performance.now(), last: this.last() };
    const [first] = this.#samples;
    this.#samples = this.#samples.filter(({ atMs }) => sample.atMs - atMs < PACE_OVER_MS);
    this.#samples.push(sample);
    if (first === undefined || sample.atMs - first.atMs < PACE_OVER_MS) return this.#bytesPerSecond;
    const bytes = (sample.last - first.last) * EVENT_BYTES;
    const ofLate = (1000 * bytes) / (sample.atMs - first.atMs);
    return Math.min(this.#bytesPerSecond, ofLate * QUICKER);
  }

  async stop(): Promise<LumberjackResult> {
    this.#run.kill('SIGTERM');
    const result = await this.#run.done;
    if (result === undefined) throw new Error('the writer was killed');
    return result;
  }

  kill(): void {
    this.#run.kill('SIGKILL');
  }
}

/** Nothing while there is no file: it is being renamed, or not there yet. */
function tailOf(path: string): Buffer {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return Buffer.alloc(0);
    }
    throw error;
  }
  try {
    const bytes = Buffer.alloc(TAIL_BYTES);
    const from = Math.max(0, fstatSync(fd).size - TAIL_BYTES);
    return bytes.subarray(0, readSync(fd, bytes, 0, TAIL_BYTES, from));
  } finally {
    closeSync(fd);
  }
}
