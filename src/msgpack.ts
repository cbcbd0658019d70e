/**
 * The few words of MessagePack that are written one by one: what stands around events, and what is added to them. The
 * events themselves are the core's (assembly/). Pure.
 */

const FIXSTR_MAX = 31;
const UINT8_MAX = 0xff;
const UINT16_MAX = 0xffff;

/** A str of UTF-8. */
export function str(text: string): Buffer {
  const bytes = Buffer.from(text);
  const { length } = bytes;
  if (length <= FIXSTR_MAX) return Buffer.concat([Buffer.of(0xa0 | length), bytes]);
  if (length <= UINT8_MAX) return Buffer.concat([Buffer.of(0xd9, length), bytes]);
  if (length <= UINT16_MAX) {
    return Buffer.concat([Buffer.of(0xda, length >> 8, length & 0xff), bytes]);
  }
  return Buffer.concat([head32(0xdb, length), bytes]);
}

/** What stands before `length` bytes of a bin. */
export function binHeader(length: number): Buffer {
  return head32(0xc6, length);
}

export function uint32(value: number): Buffer {
  return head32(0xce, value);
}

/** An array of at most 15 items. */
export function arrayHeader(items: number): Buffer {
  return Buffer.of(0x90 | items);
}

/** A map of at most 65,535 pairs. */
export function mapHeader(pairs: number): Buffer {
  return pairs <= 15 ? Buffer.of(0x80 | pairs) : Buffer.of(0xde, pairs >> 8, pairs & 0xff);
}

function head32(kind: number, value: number): Buffer {
  const bytes = Buffer.of(kind, 0, 0, 0, 0);
  bytes.writeUInt32BE(value, 1);
  return bytes;
}
