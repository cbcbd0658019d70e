/**
 * Puts an annotation of ours into an event; everything else stays as it is, byte for byte. Pure.
 */
import type { Member } from './core.ts';
import { CLOSE_BRACE, OPEN_BRACE, skipSpace } from './json-bytes.ts';
import { Scratch } from './scratch.ts';

/** One for all: making a core takes longer than most events do. */
const scratch = new Scratch(0);

/** What is put in, and before which byte. */
export interface Insertion {
  readonly at: number;
  readonly text: string;
}

/**
 * @param event without a newline. Whether it has the annotation already is not looked at.
 * @returns a line without a newline; undefined when the event is not one JSON object.
 */
export function withAnnotation(event: Buffer, name: string, value: string): Buffer | undefined {
  const core = scratch.hold(event);
  const verdict = core.judge(event.length);
  scratch.release();
  if (verdict !== 'object') return undefined;
  const whole = [skipSpace(event, 0), event.length] as const;
  const { at, text } = annotationIn(event, whole, core.member('annotations'), [name, value]);
  return Buffer.concat([event.subarray(0, at), Buffer.from(text), event.subarray(at)]);
}

/**
 * How an annotation is put into the event in bytes [start, end).
 * @param annotations its last member of that name.
 */
export function annotationIn(
  bytes: Buffer,
  [start, end]: readonly [start: number, end: number],
  annotations: Member | undefined,
  [name, value]: readonly [name: string, value: string],
): Insertion {
  const annotation = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  if (annotations !== undefined && bytes[annotations.value] === OPEN_BRACE) {
    return memberAt(bytes, annotations.value, annotations.end - 1, annotation);
  }
  const close = bytes.lastIndexOf(CLOSE_BRACE, end - 1);
  return memberAt(bytes, start, close, `"annotations":{${annotation}}`);
}

/** @param open where the braces of a map stand, of which the closing one is @param close. */
function memberAt(bytes: Buffer, open: number, close: number, member: string): Insertion {
  const isEmpty = skipSpace(bytes, open + 1) === close;
  return { at: close, text: isEmpty ? member : `,${member}` };
}
