/**
 * Puts an annotation of ours into an event; everything else stays as it is, byte for byte. Pure.
 */
import { OPEN_BRACE } from './json-bytes.ts';
import { Scratch } from './scratch.ts';

const SPACE = 0x20;
const COMMA = ',';
/** One for all: making a core takes longer than most events do. */
const scratch = new Scratch(0);

/**
 * @param event without a newline. Whether it has the annotation already is not looked at.
 * @returns a line without a newline; undefined when the event is not one JSON object.
 */
export function withAnnotation(event: Buffer, name: string, value: string): Buffer | undefined {
  const core = scratch.hold(event);
  const verdict = core.judge(event.length);
  scratch.release();
  if (verdict !== 'object') return undefined;
  const annotation = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  const annotations = core.member('annotations');
  if (annotations !== undefined && event[annotations.value] === OPEN_BRACE) {
    return withMember(event, annotations.value, annotations.end - 1, annotation);
  }
  return withMember(
    event,
    event.indexOf('{'),
    event.lastIndexOf('}'),
    `"annotations":{${annotation}}`,
  );
}

/** @param open where the braces of a map stand, of which the closing one is @param close. */
function withMember(event: Buffer, open: number, close: number, member: string): Buffer {
  const isEmpty = event.subarray(open + 1, close).every((byte) => byte <= SPACE);
  const added = `${isEmpty ? '' : COMMA}${member}`;
  return Buffer.concat([event.subarray(0, close), Buffer.from(added), event.subarray(close)]);
}
