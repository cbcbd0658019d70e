/**
 * Reads what the encoder wrote: heads of MessagePack, in the forms that msgpack.ts and text.ts write. It reads nothing
 * that came from elsewhere, so that it asks neither where bytes end nor whether they are whole.
 */
import {
  ARRAY_16,
  FIXSTR,
  FLOAT_64,
  HEAD_16_BYTES,
  INT_16,
  INT_32,
  INT_64,
  INT_8,
  MAP_16,
  STR_16,
  STR_32,
  STR_8,
  TO_32,
  UINT_16,
  UINT_32,
  UINT_64,
  UINT_8,
} from './msgpack';

/** The length of a short text stands in the last bits of its head. */
const SHORT_LENGTH: u8 = 0x1f;
const HEAD_32_BYTES: usize = HEAD_16_BYTES + 2;

/** The content of the last text that was read. */
export let contentStart: usize = 0;
export let contentEnd: usize = 0;
/** Behind the head of the last map that was read. */
export let membersStart: usize = 0;

/** @returns whether there is a text. */
export function readText(at: usize): bool {
  const head = load<u8>(at);
  if ((head & ~SHORT_LENGTH) === FIXSTR) setContent(at + 1, head & SHORT_LENGTH);
  else if (head === STR_8) setContent(at + 2, load<u8>(at, 1));
  else if (head === STR_16) setContent(at + HEAD_16_BYTES, bswap<u16>(load<u16>(at, 1)));
  else if (head === STR_32) setContent(at + HEAD_32_BYTES, bswap<u32>(load<u32>(at, 1)));
  else return false;
  return true;
}

function setContent(start: usize, length: usize): void {
  contentStart = start;
  contentEnd = start + length;
}

/** @returns how many members the map has; 0 where there is none. */
export function readMap(at: usize): u32 {
  const head = load<u8>(at);
  if (head === MAP_16) {
    membersStart = at + HEAD_16_BYTES;
    return bswap<u16>(load<u16>(at, 1));
  }
  if (head !== MAP_16 + TO_32) return 0;
  membersStart = at + HEAD_32_BYTES;
  return bswap<u32>(load<u32>(at, 1));
}

/** @returns the place behind a value and all that is in it. */
export function behind(start: usize): usize {
  let at = start;
  for (let values: u64 = 1; values > 0; values--) {
    const head = load<u8>(at);
    if (readText(at)) at = contentEnd;
    else if (head === ARRAY_16 || head === MAP_16) {
      values += countOf(bswap<u16>(load<u16>(at, 1)), head === MAP_16);
      at += HEAD_16_BYTES;
    } else if (head === ARRAY_16 + TO_32 || head === MAP_16 + TO_32) {
      values += countOf(bswap<u32>(load<u32>(at, 1)), head === MAP_16 + TO_32);
      at += HEAD_32_BYTES;
    } else {
      at += scalarBytes(head);
    }
  }
  return at;
}

function countOf(members: u32, isMap: bool): u64 {
  return isMap ? 2 * <u64>members : members;
}

/** Of numbers and words with their heads; and of empty containers. */
function scalarBytes(head: u8): usize {
  if (head === UINT_8 || head === INT_8) return 2;
  if (head === UINT_16 || head === INT_16) return 3;
  if (head === UINT_32 || head === INT_32) return 5;
  if (head === UINT_64 || head === INT_64 || head === FLOAT_64) return 9;
  return 1;
}
