/**
 * The time of an event: read from a line without parsing it, and as Fluentd wants it. Pure.
 */

const NEWLINE = 10;
// kube-apiserver writes requestReceivedTimestamp and stageTimestamp behind the bodies, and annotations (whose
// values are strings, with their quotes escaped) behind those: the last occurrence is the event's own.
const STAGE_TIMESTAMP = Buffer.from('"stageTimestamp":"');
/** RFC 3339 with microseconds takes 27 bytes; zones and nanoseconds a few more. */
const MAX_TIMESTAMP_BYTES = 40;

/** Which time an event gets on its way: one of its own, or that of its shipping. */
export type TimeKey = 'stageTimestamp' | 'requestReceivedTimestamp' | 'now';

/** Fluentd's EventTime: both are whole and fit into 32 bits. */
export interface EventTime {
  /** Since 1970; the last one is in 2106. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

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

const MS_PER_SECOND = 1000;
const NS_PER_MS = 1_000_000;

/** @param epochMs in ms since 1970, which may have a fraction. */
export function readClock(epochMs: number): EventTime {
  const seconds = Math.floor(epochMs / MS_PER_SECOND);
  const nanoseconds = Math.floor((epochMs - seconds * MS_PER_SECOND) * NS_PER_MS);
  return { seconds, nanoseconds };
}
