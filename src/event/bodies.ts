/**
 * An event without its bodies: what is left when a receiver cannot take the whole. Everything else stays as it is,
 * byte for byte, and an annotation says what was there. Pure.
 */
import { createHash } from 'node:crypto';
import type { Core, Field, Style } from './core.ts';
import { Scratch } from './scratch.ts';

const BODIES: readonly Field[] = ['requestObject', 'responseObject'];
const WITHOUT_BODIES: Style = { format: 'json', omit: BODIES };
const ANNOTATION = 'audit-shipper.io/truncated';
const NEWLINE = 0x0a;
const OPEN_BRACE = 0x7b;
const COMMA = ',';

/**
 * @param text one line, with or without its newline, which belongs neither to the size nor to the hash.
 * @returns a line with its newline; undefined when it has no bodies, or is no event.
 */
export function withoutBodies(text: Buffer): Buffer | undefined {
  const line = text.at(-1) === NEWLINE ? text.subarray(0, -1) : text;
  const scratch = new Scratch(0);
  const core = scratch.hold(line);
  if (core.judge(line.length) !== 'object') return undefined;
  if (BODIES.every((field) => core.member(field) === undefined)) return undefined;
  core.setStyle(WITHOUT_BODIES);
  core.run(0, line.length, 0);
  const rest = Buffer.from(core.take()).subarray(0, -1);
  const digest = createHash('sha256').update(line).digest('hex');
  const annotation = `${JSON.stringify(ANNOTATION)}:${JSON.stringify(`${line.length} ${digest}`)}`;
  return withAnnotation(scratch.hold(rest), rest, annotation);
}

/** @param core begins with the event. */
function withAnnotation(core: Core, event: Buffer, annotation: string): Buffer {
  core.judge(event.length);
  const annotations = core.member('annotations');
  if (annotations !== undefined && event[annotations.value] === OPEN_BRACE) {
    return withMember(event, annotations.value, annotations.end - 1, annotation);
  }
  return withMember(event, 0, event.length - 1, `"annotations":{${annotation}}`);
}

/** @param open where the braces of a map stand, of which the closing one is @param close. */
function withMember(event: Buffer, open: number, close: number, member: string): Buffer {
  const isEmpty = event.toString('latin1', open + 1, close).trim() === '';
  const added = `${isEmpty ? '' : COMMA}${member}`;
  return Buffer.concat([
    event.subarray(0, close),
    Buffer.from(added),
    event.subarray(close),
    Buffer.of(NEWLINE),
  ]);
}
