/**
 * Changes of a line, and how they are made: what no edit names stays as it is, byte for byte. Pure.
 */
import { COMMA, skipSpace } from '../json-bytes.ts';

/** Bytes [start, end) become this text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Bytes [start, end) with these edits. They are in order, and none reaches into another. */
export function edited(bytes: Buffer, start: number, end: number, edits: readonly Edit[]): Buffer {
  const parts: Buffer[] = [];
  let at = start;
  for (const edit of edits) {
    if (edit.start < at || edit.end > end) throw new Error('an edit reaches into another');
    parts.push(bytes.subarray(at, edit.start), Buffer.from(edit.text));
    at = edit.end;
  }
  parts.push(bytes.subarray(at, end));
  return Buffer.concat(parts);
}

/**
 * Leaves out the member in bytes [start, end), with the comma before it, or, where no member before it is kept, with
 * the comma behind it.
 * @param before where the value of the member before it ends; undefined where none is kept.
 */
export function withoutMember(
  bytes: Buffer,
  start: number,
  end: number,
  before: number | undefined,
): Edit {
  if (before !== undefined) return { start: before, end, text: '' };
  const next = skipSpace(bytes, end);
  return { start, end: bytes[next] === COMMA ? next + 1 : end, text: '' };
}
