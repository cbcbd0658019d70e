/**
 * What a receiver writes down before it acknowledges: for each event its number, its id and a checksum of its bytes, and
 * whatever is no event as it is. A few bytes an event, in batches: one that was cut off by a crash was not acknowledged.
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** What is kept of an event. */
export interface Receipt {
  /** That its writer gave it. */
  readonly number: number;
  /** The two parts of its `shipper.id`. */
  readonly fingerprint: string;
  readonly offset: number;
  /** Of the whole entry, as it came. */
  readonly checksum: number;
}

/** One message. */
export interface Batch {
  readonly receipts: readonly Receipt[];
  /** Records that are no events. */
  readonly others: readonly unknown[];
}

/** How many receipts, and how many bytes of JSON. */
const HEAD_BYTES = 8;
const NUMBER_BYTES = 6;
const OFFSET_BYTES = 6;
const CHECKSUM_BYTES = 4;
export const FINGERPRINT_BYTES = 16;

const OFFSET_AT = NUMBER_BYTES;
const CHECKSUM_AT = OFFSET_AT + OFFSET_BYTES;
const FINGERPRINT_AT = CHECKSUM_AT + CHECKSUM_BYTES;
const RECEIPT_BYTES = FINGERPRINT_AT + FINGERPRINT_BYTES;

export function encodeBatch({ receipts, others }: Batch): Buffer {
  const json = Buffer.from(JSON.stringify(others));
  const bytes = Buffer.alloc(HEAD_BYTES + receipts.length * RECEIPT_BYTES);
  bytes.writeUInt32BE(receipts.length, 0);
  bytes.writeUInt32BE(json.length, HEAD_BYTES / 2);
  let at = HEAD_BYTES;
  for (const { number, fingerprint, offset, checksum } of receipts) {
    bytes.writeUIntBE(number, at, NUMBER_BYTES);
    bytes.writeUIntBE(offset, at + OFFSET_AT, OFFSET_BYTES);
    bytes.writeUInt32BE(checksum, at + CHECKSUM_AT);
    bytes.write(fingerprint, at + FINGERPRINT_AT, 'hex');
    at += RECEIPT_BYTES;
  }
  return Buffer.concat([bytes, json]);
}

/** The batches of a file, one at a time; a last one that is not complete is left out. */
export function* readJournal(path: string): Generator<Batch> {
  const fd = openSync(path, 'r');
  try {
    for (;;) {
      const head = readWhole(fd, HEAD_BYTES);
      if (head === undefined) return;
      const count = head.readUInt32BE(0);
      const receipts = readWhole(fd, count * RECEIPT_BYTES);
      const json = readWhole(fd, head.readUInt32BE(HEAD_BYTES / 2));
      if (receipts === undefined || json === undefined) return;
      yield {
        receipts: Array.from({ length: count }, (_, index) => receiptAt(receipts, index)),
        others: JSON.parse(json.toString()) as unknown[],
      };
    }
  } finally {
    closeSync(fd);
  }
}

function readWhole(fd: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(fd, bytes, filled, length - filled, null);
    if (read === 0) return undefined;
    filled += read;
  }
  return bytes;
}

function receiptAt(bytes: Buffer, index: number): Receipt {
  const at = index * RECEIPT_BYTES;
  return {
    number: bytes.readUIntBE(at, NUMBER_BYTES),
    offset: bytes.readUIntBE(at + OFFSET_AT, OFFSET_BYTES),
    checksum: bytes.readUInt32BE(at + CHECKSUM_AT),
    fingerprint: bytes.toString('hex', at + FINGERPRINT_AT, at + RECEIPT_BYTES),
  };
}
