/**
 * What comes out of the agent, taken apart: which event, or which text that is none, stands where in which generation.
 * Reads lines of JSON and messages of the Forward protocol; judges nothing.
 */
import { decodeMulti } from '@msgpack/msgpack';

/** One event, or one text, as a receiver has it. */
export interface Entry {
  readonly fingerprint: string;
  readonly offset: number;
  /** Undefined when it is no event. */
  readonly number: number | undefined;
  /** How long the text is that is no event. */
  readonly textBytes: number | undefined;
  /** How many bytes are lost from the offset on, when it is the record of a loss. */
  readonly lostBytes: number | undefined;
}

interface Shape {
  readonly auditID?: string;
  readonly log?: string;
  readonly shipper?: { readonly id?: string; readonly lost?: number };
}

/** Lines of JSON. */
export function entriesOfLines(bytes: Buffer): readonly Entry[] {
  const lines = bytes.toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => entryOf(JSON.parse(line) as Shape));
}

/** The entries of a PackedForward message. */
export function entriesOfForward(bytes: Uint8Array): readonly Entry[] {
  return Array.from(decodeMulti(bytes), (entry) => entryOf((entry as [unknown, Shape])[1]));
}

function entryOf({ auditID, log, shipper }: Shape): Entry {
  const [fingerprint = '', offset] = (shipper?.id ?? '').split('-');
  return {
    fingerprint,
    offset: Number(offset),
    number: auditID === undefined ? undefined : Number(auditID),
    textBytes: log === undefined ? undefined : Buffer.byteLength(log),
    lostBytes: shipper?.lost,
  };
}
