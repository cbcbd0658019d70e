/**
 * What the writer's ledger says: which files there were, by which first line each is known, and where every event stands in
 * them. Pure: the truth that everything else is compared with.
 */
import { FINGERPRINT_BYTES } from './journal.ts';

export interface WrittenFile {
  /** The number of its first event. */
  readonly first: number;
  readonly events: number;
  readonly fingerprint: string;
  /** When its first event was written (ms since the epoch). */
  readonly beganMs: number;
}

export interface WrittenSums {
  readonly last: number;
  readonly bytes: number;
  readonly rotations: number;
}

export class Written {
  readonly files: readonly WrittenFile[];
  readonly last: number;
  /** All events have as many. */
  readonly eventBytes: number;
  readonly #byFingerprint: ReadonlyMap<string, number>;
  /** Where the last event that was asked for stands: the next one is near. */
  #near = 0;

  /**
   * @param ledger the lines that the writer wrote (writer.go).
   * @throws when its parts contradict each other: then nothing can be judged.
   */
  constructor(ledger: string, { last, bytes, rotations }: WrittenSums) {
    const begun = ledger.split('\n').filter(Boolean).map(parseLine);
    this.last = last;
    this.eventBytes = bytes / last;
    this.files = begun.map(({ first, sha256, at }, index) => {
      const end = begun[index + 1]?.first ?? last + 1;
      const fingerprint = sha256.slice(0, 2 * FINGERPRINT_BYTES);
      return { first, events: end - first, fingerprint, beganMs: at };
    });
    this.#byFingerprint = new Map(this.files.map(({ fingerprint }, index) => [fingerprint, index]));
    const agrees =
      Number.isInteger(this.eventBytes) &&
      this.files.length === rotations + 1 &&
      this.files[0]?.first === 1 &&
      this.files.every(({ events }) => events > 0) &&
      this.#byFingerprint.size === this.files.length;
    if (!agrees) throw new Error('the ledger of the writer and its sums do not agree');
  }

  /** The index of the file that is known by this first line. */
  fileBy(fingerprint: string): number | undefined {
    return this.#byFingerprint.get(fingerprint);
  }

  /** The index of the file that an event stands in; undefined when nobody wrote it. */
  fileOf(number: number): number | undefined {
    if (!Number.isInteger(number) || number < 1 || number > this.last) return undefined;
    while ((this.files[this.#near]?.first ?? 0) > number) this.#near -= 1;
    while ((this.files[this.#near + 1]?.first ?? Infinity) <= number) this.#near += 1;
    return this.#near;
  }

  /** @param file of the event. */
  offsetOf(number: number, file: number): number {
    return (number - (this.files[file]?.first ?? 0)) * this.eventBytes;
  }
}

interface Line {
  readonly first: number;
  readonly sha256: string;
  readonly at: number;
}

function parseLine(line: string): Line {
  return JSON.parse(line) as Line;
}
