/**
 * An event without its bodies: what is left when a receiver cannot take the whole. Everything else stays as it is,
 * byte for byte, and an annotation says what was there. Pure. A line that is too long to be held: oversize.ts.
 */
import { createHash } from 'node:crypto';
import { withAnnotation } from './annotation.ts';
import type { Field, Style } from './core.ts';
import { Scratch } from './scratch.ts';

export const BODIES = ['requestObject', 'responseObject'] as const satisfies readonly Field[];
const WITHOUT_BODIES: Style = { format: 'json', omit: BODIES };
const ANNOTATION = 'audit-shipper.io/truncated';
const NEWLINE = 0x0a;
/** One for all: making a core takes longer than most events do. */
const scratch = new Scratch(0);

/**
 * @param text one line, with or without its newline, which belongs neither to the size nor to the hash.
 * @returns a line with its newline; undefined when it has no bodies, or is no event.
 */
export function withoutBodies(text: Buffer): Buffer | undefined {
  const line = text.at(-1) === NEWLINE ? text.subarray(0, -1) : text;
  const core = scratch.hold(line);
  if (core.judge(line.length) !== 'object') return undefined;
  if (BODIES.every((field) => core.member(field) === undefined)) return undefined;
  core.setStyle(WITHOUT_BODIES);
  core.run(0, line.length, 0);
  const rest = Buffer.from(core.take()).subarray(0, -1);
  return annotated(rest, line.length, createHash('sha256').update(line).digest('hex'));
}

/**
 * What is left of an event, with the annotation that says what was there.
 * @param event without a newline. @param bytes of the whole. @param digest its SHA-256.
 * @returns a line with its newline; undefined when what is left is not one JSON object.
 */
export function annotated(event: Buffer, bytes: number, digest: string): Buffer | undefined {
  const line = withAnnotation(event, ANNOTATION, `${bytes} ${digest}`);
  return line === undefined ? undefined : Buffer.concat([line, Buffer.of(NEWLINE)]);
}
