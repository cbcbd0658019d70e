/**
 * What is to be changed of one event: which places of which member, the bodies as a whole, the level. Pure.
 */
import type { Field, Member } from '../core.ts';
import {
  decodedText,
  isText,
  OPEN_BRACE,
  QUOTE,
  skipSpace,
  valueEnd,
  walkMembers,
} from '../json-bytes.ts';
import { edited, valueBefore, withoutMember, type Edit } from './edits.ts';
import type { Findings } from './findings.ts';
import type { Marks } from './marks.ts';
import type { FieldPlan, Plan } from './plan.ts';
import { Seeker } from './seeker.ts';
import { uriEdits } from './uri.ts';

/** One JSON object in bytes [start, end), with white space around it. */
export interface EventBytes {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Where its fields are, if somebody knows. */
  readonly known?: KnownFields | undefined;
}

/** What the core knows of an event. */
export interface KnownFields {
  member(field: Field): Member | undefined;
  readonly hasRepeated: boolean;
}

/** A member at the top of an event, of which something is wanted. */
interface WantedMember extends Member {
  readonly plan: FieldPlan;
}

/** From the least to the most that an event holds; what is unknown is taken for the most. */
const LEVELS: readonly string[] = ['None', 'Metadata', 'Request', 'RequestResponse'];
/**
 * Refusals that may quote the request: it cannot be read (in hex, even), it is not valid (a pod's template whole), or
 * something broke on it. Others, as that somebody may not or something is not there, name objects only.
 */
const QUOTING_CODES: ReadonlySet<number> = new Set([400, 422, 500]);
const LETTER_N = 0x6e;

export class EventEditor {
  readonly #bytes: Buffer;
  readonly #plan: Plan;
  readonly #marks: Marks;
  readonly #findings: Findings;
  readonly #members: readonly WantedMember[];
  readonly #isQuoting: boolean;

  constructor(event: EventBytes, plan: Plan, marks: Marks, findings: Findings) {
    this.#bytes = event.bytes;
    this.#plan = plan;
    this.#marks = marks;
    this.#findings = findings;
    this.#members = wantedMembers(event, plan);
    this.#isQuoting = plan.wants.kind !== undefined && mayQuote(event.bytes, this.#members);
  }

  /** All changes, in order. */
  edits(): Edit[] {
    const edits: Edit[] = [];
    // The last member that was left out, and whether one before it is kept.
    let dropped = 0;
    let isKept = false;
    for (const member of this.#members) {
      if (member.plan.change === 'drop') {
        const before = valueBefore(this.#bytes, member.start);
        isKept = before === dropped ? isKept : before !== undefined;
        dropped = member.end;
        edits.push(
          withoutMember(this.#bytes, member.start, member.end, isKept ? before : undefined),
        );
        continue;
      }
      this.#findings.enter(member.plan.name);
      // One by one: they may be more than a call takes arguments.
      for (const change of this.#changed(member)) edits.push(change);
      this.#findings.leave();
    }
    return edits;
  }

  #changed(member: WantedMember): readonly Edit[] {
    const { change, places, quoting } = member.plan;
    if (change === 'lower') return this.#lowered(member);
    if (change === 'uri') return this.#uri(member);
    const wanted = this.#isQuoting ? quoting : places;
    const seeker = new Seeker(this.#bytes, this.#marks, this.#findings);
    if (wanted.length > 0) seeker.value(member.value, wanted);
    return change === 'string' ? this.#asString(member, seeker.edits) : seeker.edits;
  }

  /** As kube-apiserver would have written it. A level is never made higher. */
  #lowered({ value, end }: Member): readonly Edit[] {
    const { level } = this.#plan.wants;
    if (level === undefined) return [];
    const text = this.#bytes[value] === QUOTE ? decodedText(this.#bytes, value, end) : '';
    const rank = LEVELS.indexOf(text);
    if (rank !== -1 && rank <= LEVELS.indexOf(level)) return [];
    return [{ start: value, end, text: JSON.stringify(level) }];
  }

  #uri({ value, end }: Member): readonly Edit[] {
    if (this.#bytes[value] !== QUOTE) return [];
    const marking = { marks: this.#marks, findings: this.#findings };
    return uriEdits(this.#bytes, [value + 1, end - 1], this.#plan.wants.hasCommands, marking);
  }

  /** A body that is a string already, or becomes one as a whole, stays so; `null` is none. */
  #asString({ value: start, end }: Member, edits: readonly Edit[]): readonly Edit[] {
    const first = this.#bytes[start];
    const isReplaced = edits.some((edit) => edit.start === start && edit.end === end);
    if (first === QUOTE || first === LETTER_N || isReplaced) return edits;
    const isSame = edits.length === 0;
    const bytes = isSame
      ? this.#bytes.subarray(start, end)
      : edited(this.#bytes, start, end, edits);
    return [{ start, end, text: JSON.stringify(bytes.toString()) }];
  }
}

/** In the order in which they stand. */
function wantedMembers(event: EventBytes, { fields }: Plan): readonly WantedMember[] {
  const { known } = event;
  if (known === undefined || known.hasRepeated) return walkedMembers(event, fields);
  const members: WantedMember[] = [];
  for (const plan of fields.values()) {
    const member = known.member(plan.name);
    if (member === undefined) continue;
    const { start, value, end } = member;
    members.push({ start, value, end, plan });
  }
  return members.sort((one, other) => one.start - other.start);
}

function walkedMembers(
  { bytes, start, end }: EventBytes,
  fields: Plan['fields'],
): readonly WantedMember[] {
  const members: WantedMember[] = [];
  const behind = walkMembers(bytes, skipSpace(bytes, start), ({ key, keyEnd, value }) => {
    const after = valueEnd(bytes, value);
    const plan = fields.get(decodedText(bytes, key, keyEnd));
    if (plan !== undefined) members.push({ start: key, value, end: after, plan });
    return after;
  });
  if (behind > end || skipSpace(bytes, behind) < end)
    throw new Error('something follows the event');
  return members;
}

/** Whether what is said of the request's outcome may quote what was sent. */
function mayQuote(bytes: Buffer, members: readonly WantedMember[]): boolean {
  const codes: number[] = [];
  for (const { plan, value } of members) {
    if (plan.name !== 'responseStatus' || bytes[value] !== OPEN_BRACE) continue;
    walkMembers(bytes, value, (found) => {
      const end = valueEnd(bytes, found.value);
      if (isText(bytes, found.key, found.keyEnd, 'code')) {
        codes.push(Number(bytes.toString('latin1', found.value, end)));
      }
      return end;
    });
  }
  return codes.length === 0 || codes.some(isQuotingCode);
}

/** @param code of the answer's status. What is no number says nothing of the answer. */
export function isQuotingCode(code: unknown): boolean {
  return typeof code !== 'number' || Number.isNaN(code) || QUOTING_CODES.has(code);
}
