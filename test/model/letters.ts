/**
 * Dead letters as they stand in the state directory, taken apart: which bytes of which generation each keeps. It judges
 * nothing.
 */

/** A line that is kept, or as much of it as there was. */
export interface Kept {
  readonly fingerprint: string;
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
}

/** As much of a letter's line of JSON as is looked at. */
interface Part {
  readonly fingerprint: string;
  readonly offset: number;
  readonly line?: string;
  readonly line_base64?: string;
}

/** @param content of a letter, which may have several parts. */
export function keptIn(content: Buffer): Kept {
  const lines = content.toString('utf8').trimEnd().split('\n');
  const parts = lines.map((line) => JSON.parse(line) as Part);
  const bytes = Buffer.concat(parts.map(bytesOf));
  const { fingerprint = '', offset: start = 0 } = parts[0] ?? {};
  return { fingerprint, start, end: start + bytes.length, bytes };
}

function bytesOf({ line, line_base64: base64 = '' }: Part): Buffer {
  return line === undefined ? Buffer.from(base64, 'base64') : Buffer.from(line);
}
