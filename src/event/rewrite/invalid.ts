/**
 * What may leave of bytes that are no event: torn lines, parts of long ones, garbage. Only what is surely outside of a
 * body stays as it is. Pure.
 */
import { FIELDS } from '../core.ts';
import { CLOSE_BRACE, COLON, COMMA, isSpace, QUOTE, skipSpace, valueEnd } from '../json-bytes.ts';
import { edited, type Edit } from './edits.ts';
import { Findings } from './findings.ts';
import type { Marks } from './marks.ts';
import type { Place } from './place.ts';
import { uriEdits } from './uri.ts';

/** What stands before the bodies in an event that kube-apiserver has written, and before what may quote them. */
const BEFORE_BODIES: readonly string[] = FIELDS.slice(0, FIELDS.indexOf('responseStatus'));
/**
 * Members of an event, and of no value before its bodies. Where kube-apiserver was stopped in the middle of an event, the
 * next one may stand in the place of a value.
 */
const OF_EVENTS = new Set<string>(FIELDS.slice(FIELDS.indexOf('level')));
/** How an event begins: what begins otherwise may be the middle of a body. */
const EVENT_START = /^\{"kind":"Event","apiVersion":"audit\.k8s\.io\/[a-z0-9]+"/;
/** Both beginnings are shorter. */
const START_BYTES = 64;
const NUL = 0;
/** How a line of the legacy format begins, which has no bodies: its time, and the first of its fields. */
const LEGACY_START = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9:]+) AUDIT: id="/;
/** The requestURI in such a line, quoted as Go does, which JSON can read where it matters. */
const LEGACY_URI = / uri="((?:[^"\\]|\\.)*)"/;

interface Outside {
  readonly bytes: Buffer;
  readonly redacted: number;
}

/** @param withheld what the user wants of the event's own fields. */
export function outsideOfBodies(bytes: Buffer, withheld: Place, marks: Marks): Outside {
  if (bytes.every(isBlank)) return { bytes, redacted: 0 };
  const findings = new Findings();
  const { end, edits } = kept(bytes, withheld, { marks, findings });
  const rest = bytes.subarray(end);
  if (rest.length === 0 && edits.length === 0) return { bytes, redacted: 0 };
  const parts = [edited(bytes, 0, end, edits)];
  if (rest.length > 0) {
    findings.add();
    parts.push(Buffer.from(marks.note(rest)));
  }
  return { bytes: Buffer.concat(parts), redacted: findings.count };
}

interface Kept {
  /** Behind what is kept. */
  readonly end: number;
  readonly edits: readonly Edit[];
}

interface Marking {
  readonly marks: Marks;
  readonly findings: Findings;
}

const NOTHING: Kept = { end: 0, edits: [] };

function kept(bytes: Buffer, withheld: Place, marking: Marking): Kept {
  try {
    const start = bytes.toString('latin1', 0, START_BYTES);
    if (EVENT_START.test(start)) return beforeBodies(bytes, withheld, marking);
    // What of it the user wants redacted nobody looks for.
    const isLegacy = LEGACY_START.test(start) && withheld.members.size === 0;
    return isLegacy ? legacyLine(bytes, marking) : NOTHING;
  } catch {
    return NOTHING;
  }
}

/** The members of an event, up to the first that may hold a secret, or is not whole. */
function beforeBodies(bytes: Buffer, withheld: Place, marking: Marking): Kept {
  const edits: Edit[] = [];
  let end = 0;
  for (let comma = 0; comma === 0 || bytes[comma] === COMMA; comma = skipSpace(bytes, end)) {
    const member = wholeMember(bytes, skipSpace(bytes, comma + 1));
    if (member === undefined || withheld.members.has(member.name)) break;
    if (!BEFORE_BODIES.includes(member.name)) break;
    end = member.end;
    if (member.name !== 'requestURI' || bytes[member.value] !== QUOTE) continue;
    const changes = uriEdits(bytes, [member.value + 1, end - 1], true, marking);
    for (const change of changes) edits.push(change);
  }
  return { end, edits };
}

/** Undefined where the bytes end before it does, hold no JSON, or another event. */
function wholeMember(bytes: Buffer, start: number) {
  try {
    const keyEnd = valueEnd(bytes, start);
    const name: unknown = JSON.parse(bytes.toString('utf8', start, keyEnd));
    const colon = skipSpace(bytes, keyEnd);
    const value = skipSpace(bytes, colon + 1);
    const end = valueEnd(bytes, value);
    JSON.parse(bytes.toString('utf8', value, end), refuseEvents);
    const isMember = bytes[colon] === COLON && isBehindMember(bytes, skipSpace(bytes, end));
    return typeof name === 'string' && isMember ? { name, value, end } : undefined;
  } catch {
    return undefined;
  }
}

function refuseEvents(key: string, value: unknown): unknown {
  if (OF_EVENTS.has(key)) throw new Error('an event within an event');
  return value;
}

function isBehindMember(bytes: Buffer, at: number): boolean {
  return at === bytes.length || bytes[at] === COMMA || bytes[at] === CLOSE_BRACE;
}

/** @returns nothing of one that ends in its URI. */
function legacyLine(bytes: Buffer, marking: Marking): Kept {
  const text = bytes.toString('latin1');
  const found = LEGACY_URI.exec(text);
  const uri = found?.[1];
  const end = bytes.length;
  if (found === null || uri === undefined)
    return text.includes(' uri') ? NOTHING : { end, edits: [] };
  const start = found.index + found[0].indexOf('"') + 1;
  return { end, edits: uriEdits(bytes, [start, start + uri.length], true, marking) };
}

function isBlank(byte: number): boolean {
  return byte === NUL || isSpace(byte);
}
