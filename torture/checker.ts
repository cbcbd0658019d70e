/**
 * Compares what receivers wrote down with what was written: every event, its id, its bytes, its place in the order, and
 * the records of losses. Pure; it takes one batch after the other and keeps a few bytes for each event.
 */
import type { Batch, Receipt } from './journal.ts';
import type { Written } from './written.ts';

/** A record in the place of lost events. */
interface Loss {
  readonly file: number;
  readonly start: number;
  readonly end: number;
}

export interface Findings {
  readonly received: number;
  /** With the same id and the same bytes as before. */
  readonly repeated: number;
  /** Numbers that came again with another id, or with other bytes. */
  readonly repeatedOtherwise: number;
  /** Events under the id of another event, or of none. */
  readonly misnamed: number;
  /** Events that came before an older one of their file, or of an older file, and not for the first time. */
  readonly disorderedInFile: number;
  readonly disorderedFiles: number;
  /** What is neither an event that was written nor the record of a loss. */
  readonly unknown: number;
  /** Each once. */
  readonly losses: number;
  readonly lostBytes: number;
}

const NOT_SEEN = 0;
const SEEN = 1;

export class Checker {
  readonly #written: Written;
  /** By number. */
  readonly #seen: Uint8Array;
  readonly #checksums: Uint32Array;
  /** By file: the highest number so far. */
  readonly #highest: Float64Array;
  #highestFile = 0;
  readonly #losses = new Map<string, Loss>();
  #received = 0;
  #repeated = 0;
  #repeatedOtherwise = 0;
  #misnamed = 0;
  #disorderedInFile = 0;
  #disorderedFiles = 0;
  #unknown = 0;

  constructor(written: Written) {
    this.#written = written;
    this.#seen = new Uint8Array(written.last + 1);
    this.#checksums = new Uint32Array(written.last + 1);
    this.#highest = new Float64Array(written.files.length);
  }

  take({ receipts, others }: Batch): void {
    for (const receipt of receipts) this.#takeReceipt(receipt);
    for (const other of others) this.#takeOther(other);
  }

  #takeReceipt({ number, fingerprint, offset, checksum }: Receipt): void {
    const file = this.#written.fileOf(number);
    if (file === undefined) {
      this.#unknown += 1;
      return;
    }
    const isNamed =
      this.#written.fileBy(fingerprint) === file && this.#written.offsetOf(number, file) === offset;
    const isAgain = this.#seen[number] === SEEN;
    if (isAgain && (!isNamed || this.#checksums[number] !== checksum)) this.#repeatedOtherwise += 1;
    else if (!isNamed) this.#misnamed += 1;
    else if (isAgain) this.#repeated += 1;
    if (!isAgain) this.#takeFirst(number, file, checksum);
  }

  #takeFirst(number: number, file: number, checksum: number): void {
    this.#received += 1;
    this.#seen[number] = SEEN;
    this.#checksums[number] = checksum;
    if (number < (this.#highest[file] ?? 0)) this.#disorderedInFile += 1;
    else this.#highest[file] = number;
    if (file < this.#highestFile) this.#disorderedFiles += 1;
    else this.#highestFile = file;
  }

  #takeOther(record: unknown): void {
    const loss = this.#lossIn(record);
    if (loss === undefined) {
      this.#unknown += 1;
      return;
    }
    // After a crash the same loss may be told again, and more of it may be known.
    const id = `${loss.file}-${loss.start}`;
    const known = this.#losses.get(id);
    if (known === undefined || known.end < loss.end) this.#losses.set(id, loss);
  }

  #lossIn(record: unknown): Loss | undefined {
    const { shipper } = (record ?? {}) as { readonly shipper?: Readonly<Record<string, unknown>> };
    const { id, offset: start, lost, more } = shipper ?? {};
    if (typeof start !== 'number' || typeof lost !== 'number') return undefined;
    // Nothing was seen of it, and nobody knows whether there was more.
    if (lost <= 0 && more !== 'unknown') return undefined;
    const [, fingerprint = ''] = /^([0-9a-f]+)-[0-9]+-lost$/.exec(String(id)) ?? [];
    const file = this.#written.fileBy(fingerprint);
    if (file === undefined || id !== `${fingerprint}-${start}-lost`) return undefined;
    const end = start + lost;
    const bytes = (this.#written.files[file]?.events ?? 0) * this.#written.eventBytes;
    return end > bytes ? undefined : { file, start, end };
  }

  hasReceived(number: number): boolean {
    return (this.#seen[number] ?? NOT_SEEN) === SEEN;
  }

  /** The bytes of each file that were told to be lost: ranges that may overlap. */
  lossesByFile(): ReadonlyMap<number, readonly Loss[]> {
    const byFile = new Map<number, Loss[]>();
    for (const loss of this.#losses.values()) {
      byFile.set(loss.file, [...(byFile.get(loss.file) ?? []), loss]);
    }
    return byFile;
  }

  findings(): Findings {
    return {
      received: this.#received,
      repeated: this.#repeated,
      repeatedOtherwise: this.#repeatedOtherwise,
      misnamed: this.#misnamed,
      disorderedInFile: this.#disorderedInFile,
      disorderedFiles: this.#disorderedFiles,
      unknown: this.#unknown,
      losses: this.#losses.size,
      lostBytes: [...this.#losses.values()].reduce((sum, { start, end }) => sum + end - start, 0),
    };
  }
}
