/**
 * What is no event, wrapped as one: a line of JSON that says where the bytes stand and what is wrong with them, and
 * has them whole. Pure.
 */
import { isUtf8 } from 'node:buffer';
import { base64Of, escapedOf } from '../json-text.ts';
import type { Block } from './block.ts';
import type { InvalidReason } from './line.ts';
import { lossId, lossPairs, type LossNotice } from './loss-notice.ts';
import { idPrefix, SHIPPER_KEY, type Pair, type Shipper } from './shipper.ts';

/** A line that is too long goes out in parts: `more` of it follows, or this is the `last`. */
export type Part = 'more' | 'last';

/** Bytes [start, end) of a block that are no event. */
export interface Invalid {
  readonly start: number;
  readonly end: number;
  readonly reason: InvalidReason;
  readonly part?: Part;
  /** What stands for the bytes when they must not leave. */
  readonly instead?: Buffer | undefined;
}

/** What goes out for bytes that are no event. */
export function bytesOf({ bytes }: Block, { start, end, instead }: Invalid): Buffer {
  return instead ?? bytes.subarray(start, end);
}

const WHAT: Readonly<Record<InvalidReason, string>> = {
  'not-json': 'the line is not JSON',
  'not-an-object': 'the line is not one JSON object',
  'not-utf8': 'the line is not UTF-8',
  torn: 'the line was cut off by a crash of its writer',
  'too-long': 'the line is longer than max_event_bytes and comes in parts',
};

export function explainInvalid(reason: InvalidReason): string {
  return WHAT[reason];
}

/** @returns a line with its newline. */
export function wrap(shipper: Shipper, block: Block, invalid: Invalid): Buffer {
  const { start, reason, part } = invalid;
  const error: Pair = ['error', explainInvalid(reason)];
  const extra: readonly Pair[] = part === undefined ? [error] : [error, ['part', part]];
  const { log } = block;
  const offset = block.start + start;
  const id = `${idPrefix(block)}${offset}`;
  const pairs = pairsText(shipper.forRecord({ log, offset, id }, extra));
  const texts = [`{"${SHIPPER_KEY}":{${pairs}},`, ...wrapText(bytesOf(block, invalid))];
  return Buffer.concat([...texts.map((text) => Buffer.from(text)), Buffer.from('}\n')]);
}

/** The record that stands for events that were lost. @returns a line with its newline. */
export function wrapLoss(shipper: Shipper, notice: LossNotice): Buffer {
  const { log, start: offset } = notice;
  const id = lossId(notice);
  const pairs = pairsText(shipper.forRecord({ log, offset, id }, lossPairs(notice)));
  return Buffer.from(`{"${SHIPPER_KEY}":{${pairs}}}\n`);
}

/** The members of an object, as JSON, without its braces. */
export function pairsText(pairs: readonly Pair[]): string {
  return pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',');
}

/** The key that carries the bytes, in pieces: `log` as text, `log_base64` where they are not UTF-8. */
function* wrapText(bytes: Buffer): Generator<string> {
  const isText = isUtf8(bytes);
  yield isText ? '"log":"' : '"log_base64":"';
  yield* isText ? escapedOf(bytes) : base64Of(bytes);
  yield '"';
}
