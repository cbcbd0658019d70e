/**
 * An event without its bodies: what is left when a receiver cannot take the whole. Everything else stays as it is,
 * byte for byte, and an annotation says what was there. Pure.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { membersOf, type Member } from './json.ts';

const BODIES: ReadonlySet<string> = new Set(['requestObject', 'responseObject']);
const ANNOTATION = 'audit-shipper.io/truncated';
const NEWLINE = 0x0a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * @param text one line, with or without its newline, which belongs neither to the size nor to the hash.
 * @returns a line with its newline; undefined when it has no bodies, or is no event.
 */
export function withoutBodies(text: Buffer): Buffer | undefined {
  const line = text.at(-1) === NEWLINE ? text.subarray(0, -1) : text;
  const members = isUtf8(line) ? membersOf(line) : undefined;
  if (members === undefined) return undefined;
  const kept = members.filter(({ key }) => !BODIES.has(key));
  if (kept.length === members.length) return undefined;
  const digest = createHash('sha256').update(line).digest('hex');
  const annotation = `${JSON.stringify(ANNOTATION)}:${JSON.stringify(`${line.length} ${digest}`)}`;
  const annotations = kept.findLast(({ key }) => key === 'annotations');
  const isMap = annotations !== undefined && line[annotations.value] === OPEN_BRACE;
  const texts = kept.map((member) =>
    isMap && member === annotations
      ? withMember(line, member, annotation)
      : line.toString('utf8', member.start, member.end),
  );
  if (!isMap) texts.push(`"annotations":{${annotation}}`);
  return Buffer.from(`{${texts.join(',')}}\n`);
}

/** A member whose value is a map, with one pair more in it. */
function withMember(line: Buffer, { start, value, end }: Member, pair: string): string {
  const brace = line.lastIndexOf(CLOSE_BRACE, end - 1);
  const isEmpty = line.toString('latin1', value + 1, brace).trim() === '';
  return `${line.toString('utf8', start, brace)}${isEmpty ? '' : ','}${pair}}`;
}
