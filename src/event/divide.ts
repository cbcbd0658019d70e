/**
 * Blocks in halves, down to single lines: how the event that no receiver takes is found. Pure.
 */
import type { Block } from './block.ts';

const NEWLINE = 10;

/** Two lists that hold the same lines in the same order; nothing when there is only one line, or a part of one. */
export function divide(blocks: readonly Block[]): readonly (readonly Block[])[] {
  const [first] = blocks;
  if (first === undefined) return [];
  if (blocks.length > 1) {
    const middle = blocks.length >> 1;
    return [blocks.slice(0, middle), blocks.slice(middle)];
  }
  const at = first.kind === 'lines' ? lineNearMiddle(first.bytes) : undefined;
  if (at === undefined) return [];
  return [
    [{ ...first, ...range(first, 0, at) }],
    [{ ...first, ...range(first, at, first.bytes.length) }],
  ];
}

function range({ bytes, start }: Block, from: number, to: number) {
  return { start: start + from, end: start + to, bytes: bytes.subarray(from, to) };
}

/** The offset of a line that is neither the first nor behind the last; undefined when there is none. */
function lineNearMiddle(bytes: Buffer): number | undefined {
  const middle = bytes.length >> 1;
  const after = bytes.indexOf(NEWLINE, middle) + 1;
  if (after > 0 && after < bytes.length) return after;
  const before = middle === 0 ? 0 : bytes.lastIndexOf(NEWLINE, middle - 1) + 1;
  return before > 0 ? before : undefined;
}
