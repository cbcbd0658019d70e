/**
 * The time of an event, read from the bytes of its line without parsing it. Pure.
 */

const NEWLINE = 10;
// kube-apiserver writes requestReceivedTimestamp and stageTimestamp behind the bodies, and annotations (whose
// values are strings, with their quotes escaped) behind those: the last occurrence is the event's own.
const STAGE_TIMESTAMP = Buffer.from('"stageTimestamp":"');
/** RFC 3339 with microseconds takes 27 bytes; zones and nanoseconds a few more. */
const MAX_TIMESTAMP_BYTES = 40;

/** The stageTimestamp of one line (RFC 3339) in ms since the epoch; undefined when it has none. */
export function stageTimeMs(line: Buffer): number | undefined {
  const at = line.lastIndexOf(STAGE_TIMESTAMP);
  if (at === -1) return undefined;
  const start = at + STAGE_TIMESTAMP.length;
  const text = line.toString('latin1', start, start + MAX_TIMESTAMP_BYTES);
  const epochMs = Date.parse(text.slice(0, text.indexOf('"')));
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

/** The offset of the first line whose event is not before the time; undefined when there is none in the block. */
export function firstLineSince(lines: Buffer, epochMs: number): number | undefined {
  for (let start = 0; start < lines.length;) {
    const newline = lines.indexOf(NEWLINE, start);
    const end = newline === -1 ? lines.length : newline + 1;
    const time = stageTimeMs(lines.subarray(start, end));
    if (time !== undefined && time >= epochMs) return start;
    start = end;
  }
  return undefined;
}
