/**
 * Writes events as lines for a person. Reading the event costs a parse, which only this format pays.
 */
import type { Block } from './block.ts';
import { isEvent, type InvalidReason } from './line.ts';
import { prettyEvent, prettyInvalid, type PrettyOptions } from './pretty.ts';
import { explainInvalid, type LineWriter } from './transcoder.ts';

export class PrettyWriter implements LineWriter {
  /** Asked for each line: a terminal may change its width. */
  readonly #options: () => PrettyOptions;
  #lines: string[] = [];

  constructor(options: () => PrettyOptions) {
    this.#options = options;
  }

  line(block: Block, start: number, end: number): boolean {
    if (!isEvent(block.bytes, start, end)) return false;
    this.event(block, start, end);
    return true;
  }

  event(block: Block, start: number, end: number): void {
    const event = JSON.parse(block.bytes.toString('utf8', start, end)) as Record<string, unknown>;
    this.#lines.push(prettyEvent(event, this.#options()));
  }

  invalid(block: Block, start: number, end: number, reason: InvalidReason): void {
    const text = block.bytes.toString('utf8', start, Math.min(end, start + SHOWN_BYTES));
    const where = { file: block.log, offset: block.start + start, error: explainInvalid(reason) };
    this.#lines.push(prettyInvalid(text, where, this.#options()));
  }

  take(): readonly Uint8Array[] {
    if (this.#lines.length === 0) return [];
    const payload = [Buffer.from(`${this.#lines.join('\n')}\n`)];
    this.#lines = [];
    return payload;
  }

  recycle(): void {
    // Lines for people are few and short: their buffers are not worth keeping.
  }
}

/** More of a bad line does not help a person; --format json has it whole. */
const SHOWN_BYTES = 1024;
