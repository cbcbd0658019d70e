/** A small log that was written, and what a receiver may have of it: what the checker of the torture is tried with. */
import type { Batch, Receipt } from '../../torture/journal.ts';
import { Written } from '../../torture/written.ts';

export const EVENT_BYTES = 100;
/** Events in each file but the last. */
export const PER_FILE = 10;
/** Between two rotations. */
export const FILE_MS = 1000;
const LAST = 35;

export function fingerprintOf(file: number): string {
  return String(file).padStart(32, '0');
}

/** Four files: 10, 10, 10 and 5 events. */
export function writtenLog(): Written {
  const files = Math.ceil(LAST / PER_FILE);
  const lines = Array.from({ length: files }, (_, file) => {
    const sha256 = fingerprintOf(file).padEnd(64, 'f');
    return JSON.stringify({ first: 1 + file * PER_FILE, sha256, at: file * FILE_MS });
  });
  const sums = { last: LAST, bytes: LAST * EVENT_BYTES, rotations: files - 1 };
  return new Written(`${lines.join('\n')}\n`, sums);
}

/** As it comes when all is well. */
export function receiptOf(number: number): Receipt {
  const file = Math.floor((number - 1) / PER_FILE);
  const offset = ((number - 1) % PER_FILE) * EVENT_BYTES;
  return { number, fingerprint: fingerprintOf(file), offset, checksum: number };
}

export function batchOf(first: number, last: number): Batch {
  const receipts = Array.from({ length: last - first + 1 }, (_, index) => receiptOf(first + index));
  return { receipts, others: [] };
}

/** The record of a loss. */
export function lossOf(file: number, offset: number, lost: number): Batch {
  const id = `${fingerprintOf(file)}-${offset}-lost`;
  return { receipts: [], others: [{ shipper: { id, offset, lost } }] };
}
