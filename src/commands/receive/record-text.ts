/**
 * A received record as one line of text. Pure. Whoever sent it may have chosen every byte, and MessagePack has more
 * than JSON has: nothing here throws for what a record holds, and no control character comes out.
 */
import { EventTime } from '@fluent-org/logger';
import { cutEnd } from '../../event/columns.ts';
import { prettyEvent, prettyInvalid, type PrettyOptions } from '../../event/pretty.ts';
import { escapeControl } from '../../observe/terminal.ts';

export type ReceivedRecord = Readonly<Record<string, unknown>>;

/** More of a bad line does not help a person; --format json has it whole. */
const SHOWN_CHARS = 1024;
/** V8 writes JSON by recursion, which ends below 5,000 levels; MessagePack can be deeper. */
const TOO_DEEP = '{"shipper":{"error":"the record is nested too deeply to be shown"}}';
/** What JSON.stringify leaves as it is, and a terminal acts upon. */
const UNESCAPED_CONTROLS = /[\u007f-\u009f]/g;

/** The record as JSON: bytes become base64, times become RFC 3339. */
export function jsonText(record: ReceivedRecord): string {
  try {
    return JSON.stringify(record, asJson).replace(UNESCAPED_CONTROLS, unicodeEscape);
  } catch (error) {
    if (error instanceof RangeError) return TOO_DEEP;
    throw error;
  }
}

/** A replacer of JSON.stringify. It takes the value from its holder: a Buffer has been through its toJSON before. */
function asJson(this: ReceivedRecord, key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const original = this[key];
  if (original instanceof Uint8Array) return Buffer.from(original).toString('base64');
  if (original instanceof EventTime) return timeText(original);
  return value;
}

/** RFC 3339 with all nanoseconds. */
function timeText({ epoch, nano }: EventTime): string {
  const seconds = new Date(epoch * 1000).toISOString().slice(0, -'.000Z'.length);
  return `${seconds}.${String(nano).padStart(9, '0')}Z`;
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** An audit event for a person; a line that is none as the shipper says it; anything else as JSON. */
export function prettyText(record: ReceivedRecord, options: PrettyOptions): string {
  if (record['kind'] === 'Event' || typeof record['auditID'] === 'string') {
    return prettyEvent(record, options);
  }
  const { file, offset, error } = (record['shipper'] ?? {}) as ReceivedRecord;
  const text = wrappedText(record);
  if (typeof error === 'string' && text !== undefined) {
    const where = {
      file: typeof file === 'string' ? file : '',
      offset: typeof offset === 'number' ? offset : 0,
      error,
    };
    return prettyInvalid(text, where, options);
  }
  const json = escapeControl(jsonText(record));
  return options.width === undefined ? json : cutEnd(json, options.width);
}

/** The beginning of what the shipper wraps when a line is no event. */
function wrappedText({ log, log_base64: base64 }: ReceivedRecord): string | undefined {
  if (typeof log === 'string') return log.slice(0, SHOWN_CHARS);
  if (typeof base64 !== 'string') return undefined;
  return Buffer.from(base64.slice(0, SHOWN_CHARS), 'base64').toString('utf8');
}
