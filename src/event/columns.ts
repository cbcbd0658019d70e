/**
 * How many columns a text takes on a terminal, and how to cut it to fewer.
 * Pure: knows nothing of events. It expects text without control characters (observe/terminal.ts escapes them).
 */

/**
 * What a terminal shows in two columns: the wide and fullwidth blocks of Unicode's EastAsianWidth.txt, rounded up to
 * whole blocks, and emoji. Everything else counts as one column, also combining marks and joiners, which take none:
 * the count is an upper bound, so a line that is cut by it never wraps. It may end a little early.
 */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2ff}\u{1d300}-\u{1d376}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;

/** Nearly all audit text is ASCII; then a column is a character. */
const ASCII_ONLY = /^[\u0020-\u007e]*$/;

/** Stands where text was left out. */
const ELLIPSIS = '…';

function columnsOfChar(char: string): number {
  return char > '\u10ff' && WIDE.test(char) ? 2 : 1;
}

/** The number of terminal columns, at most. */
export function columns(text: string): number {
  if (ASCII_ONLY.test(text)) return text.length;
  let count = 0;
  for (const char of text) count += columnsOfChar(char);
  return count;
}

/** As much of the beginning as fits into `room` columns, without a mark. */
function head(text: string, room: number): string {
  let used = 0;
  let end = 0;
  for (const char of text) {
    used += columnsOfChar(char);
    if (used > room) break;
    end += char.length;
  }
  return text.slice(0, end);
}

/** As much of the end as fits into `room` columns (at least 1), without a mark. */
function foot(text: string, room: number): string {
  const chars = Array.from(text.slice(-2 * room));
  let used = 0;
  let start = chars.length;
  while (start > 0) {
    used += columnsOfChar(chars[start - 1] ?? '');
    if (used > room) break;
    start -= 1;
  }
  return chars.slice(start).join('');
}

/** Text longer than `room` columns keeps its beginning, and ends with `…`. No room, no text. */
export function cutEnd(text: string, room: number): string {
  if (text.length <= room && columns(text) <= room) return text;
  if (room < 1) return '';
  // A character of one column may take two UTF-16 units, so a longer text than this cannot fit.
  if (text.length <= 2 * room && columns(text) <= room) return text;
  return head(text, room - 1) + ELLIPSIS;
}

/** Text longer than `room` columns keeps its beginning and its end, where names differ, around a `…`. */
export function cutMiddle(text: string, room: number): string {
  const ended = cutEnd(text, room);
  if (ended === text || room < 5) return ended;
  const tail = foot(text, Math.floor((room - 1) / 2));
  return head(text, room - 1 - columns(tail)) + ELLIPSIS + tail;
}
