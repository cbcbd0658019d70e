/**
 * Bytes as they stand inside a string of JSON, in slices: for what is no event, and for what is kept aside. Pure.
 */

/** Divisible by 3, as base64 wants it, and little: large texts would be garbage that V8 is slow to collect. */
const SLICE_BYTES = 12 * 1024;

export function* base64Of(bytes: Buffer): Generator<string> {
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    yield bytes.toString('base64', start, Math.min(start + SLICE_BYTES, bytes.length));
  }
}

/** @param bytes UTF-8. */
export function* escapedOf(bytes: Buffer): Generator<string> {
  for (let start = 0; start < bytes.length;) {
    const end = endOfSlice(bytes, start);
    yield JSON.stringify(bytes.toString('utf8', start, end)).slice(1, -1);
    start = end;
  }
}

/** Where a slice of UTF-8 ends that cuts no character. */
function endOfSlice(bytes: Buffer, start: number): number {
  let end = start + SLICE_BYTES;
  while (((bytes[end] ?? 0) & 0b1100_0000) === 0b1000_0000) end -= 1;
  return end;
}
