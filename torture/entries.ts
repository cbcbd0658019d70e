/**
 * Takes the entries of a message apart: which numbered events there are, under which ids, and what is no event. Pure, and
 * shares no code with the sender.
 */
import { crc32 } from 'node:zlib';
import { decode } from '@msgpack/msgpack';
import { endOfValue } from '../bench/msgpack.ts';
import { numbersIn } from '../bench/roll.ts';
import { FINGERPRINT_BYTES, type Batch, type Receipt } from './journal.ts';

/** The key `shipper` as MessagePack; its value is the last of an event. */
const SHIPPER = Buffer.from('\xa7shipper', 'latin1');
const ID = new RegExp(`^([0-9a-f]{${2 * FINGERPRINT_BYTES}})-([0-9]+)$`);

/** @throws when the bytes are no entries. */
export function readEntries(entries: Buffer): Batch {
  const receipts: Receipt[] = [];
  const others: unknown[] = [];
  let end = 0;
  for (let at = 0; at < entries.length; at = end) {
    end = endOfValue(entries, at);
    const entry = entries.subarray(at, end);
    const receipt = receiptOf(entry);
    if (receipt === undefined) others.push((decode(entry) as readonly unknown[])[1]);
    else receipts.push(receipt);
  }
  return { receipts, others };
}

/** Undefined for what is not one numbered event with its coordinates. */
function receiptOf(entry: Buffer): Receipt | undefined {
  const [number, ...more] = numbersIn(entry, 'msgpack');
  const key = entry.lastIndexOf(SHIPPER);
  if (number === undefined || more.length > 0 || key === -1) return undefined;
  const { id, offset } = decode(entry.subarray(key + SHIPPER.length)) as Record<string, unknown>;
  const [, fingerprint, digits] = ID.exec(String(id)) ?? [];
  if (fingerprint === undefined || Number(digits) !== offset) return undefined;
  return { number, fingerprint, offset: Number(digits), checksum: crc32(entry) };
}
