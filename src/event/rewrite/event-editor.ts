/**
 * What is to be changed of one event: which places of which member, the bodies as a whole, the level. Pure.
 */
import { BODIES } from '../bodies.ts';
import { decodedText, OPEN_BRACE, QUOTE, skipSpace, valueEnd, walkMembers } from '../json-bytes.ts';
import { edited, withoutMember, type Edit } from './edits.ts';
import type { Findings } from './findings.ts';
import { OBJECTS, type Kind } from './kinds.ts';
import type { Marks } from './marks.ts';
import type { OwnPlaces } from './paths.ts';
import { Place, type Places } from './place.ts';
import { Seeker } from './seeker.ts';
import { uriEdits } from './uri.ts';

/** What is wanted of an event. */
export interface Plan {
  /** What is redacted for what the event is about, and what the user wants; undefined where nothing is redacted. */
  readonly kind: Kind | undefined;
  readonly own: OwnPlaces | undefined;
  readonly hasUriRedacted: boolean;
  /** Whether the URI's parameters may be commands. */
  readonly hasCommands: boolean;
  readonly bodies: 'object' | 'string' | 'drop';
  readonly level: 'Metadata' | 'Request' | undefined;
  readonly omitsManagedFields: boolean;
  /** Whether the request is a patch, which kube-apiserver writes as it came. */
  readonly isPatch: boolean;
}

/** A member at the top of an event. */
interface Member {
  readonly name: string;
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

/**
 * Where values at the top of an event end, by where they begin, as far as somebody knows: nobody looks for it again in a
 * body.
 */
export type ValueEnds = ReadonlyMap<number, number>;

/** From the least to the most that an event holds; what is unknown is taken for the most. */
const LEVELS: readonly string[] = ['None', 'Metadata', 'Request', 'RequestResponse'];
/**
 * Refusals that may quote the request: it cannot be read (in hex, even), it is not valid (a pod's template whole), or
 * something broke on it. Others, as that somebody may not or something is not there, name objects only.
 */
const QUOTING_CODES: ReadonlySet<number> = new Set([400, 422, 500]);
/** Patches of mutating webhooks, which kube-apiserver writes from the level Request on: `{"patch":[…],…}` in a text. */
const WEBHOOK_PATCH = 'patch.webhook.admission.k8s.io/';
const LETTER_N = 0x6e;

const MANAGED_FIELDS = new Place();
for (const object of OBJECTS) {
  MANAGED_FIELDS.at(...object, 'metadata', 'managedFields').action = 'remove';
}
const WITHOUT_WEBHOOK_PATCHES = annotationsWith(new Place());
for (const [, place] of WITHOUT_WEBHOOK_PATCHES.beginnings) place.action = 'remove';

/** Annotations whose webhook patches are about a body like this one. */
function annotationsWith(body: Place): Place {
  const json = new Place();
  json.members.set('patch', body);
  const text = new Place();
  text.text = json;
  const annotations = new Place();
  annotations.beginnings.push([WEBHOOK_PATCH, text]);
  return annotations;
}

export class EventEditor {
  readonly #line: Buffer;
  readonly #plan: Plan;
  readonly #marks: Marks;
  readonly #findings: Findings;
  readonly #members: readonly Member[];
  readonly #isQuoting: boolean;

  /** @param line one JSON object. @param ends see `ValueEnds`. */
  constructor(line: Buffer, plan: Plan, marks: Marks, findings: Findings, ends?: ValueEnds) {
    this.#line = line;
    this.#plan = plan;
    this.#marks = marks;
    this.#findings = findings;
    this.#members = membersOf(line, ends);
    this.#isQuoting = plan.kind !== undefined && mayQuote(line, this.#members);
  }

  /** All changes, in order. */
  edits(): readonly Edit[] {
    const edits: Edit[] = [];
    let kept: number | undefined;
    for (const member of this.#members) {
      if (this.#isDropped(member.name)) {
        edits.push(withoutMember(this.#line, member.start, member.end, kept));
        if (kept !== undefined) kept = member.end;
        continue;
      }
      // One by one: they may be more than a call takes arguments.
      const changes = this.#findings.within(member.name, () => this.#changed(member));
      for (const change of changes) edits.push(change);
      kept = member.end;
    }
    return edits;
  }

  #isDropped(name: string): boolean {
    const { bodies, level } = this.#plan;
    if (name === 'requestObject') return bodies === 'drop' || level === 'Metadata';
    return name === 'responseObject' && (bodies === 'drop' || level !== undefined);
  }

  #changed(member: Member): readonly Edit[] {
    const { name, value, end } = member;
    const places = this.#placesOf(name);
    const isRedacted = places.some(({ action }) => action === 'redact');
    if (name === 'level' && !isRedacted) return this.#lowered(member);
    if (name === 'requestURI' && !isRedacted) return this.#uri(member);
    const seeker = new Seeker(this.#line, this.#marks, this.#findings);
    if (places.length > 0) seeker.value(value, places);
    const isBody = BODIES.some((body) => body === name);
    if (!isBody || this.#plan.bodies !== 'string') return seeker.edits;
    return this.#asString(value, end, seeker.edits);
  }

  #placesOf(name: string): Places {
    const { kind, own } = this.#plan;
    return [own?.event.named(name), ...this.#kindPlaces(name, kind, own)].filter(
      (place) => place !== undefined,
    );
  }

  #kindPlaces(
    name: string,
    kind: Kind | undefined,
    own: OwnPlaces | undefined,
  ): readonly (Place | undefined)[] {
    const { level, omitsManagedFields, isPatch } = this.#plan;
    const managed = omitsManagedFields ? MANAGED_FIELDS : undefined;
    switch (name) {
      case 'requestObject':
        return [kind?.request, own?.request, isPatch ? undefined : managed];
      case 'responseObject':
        return [this.#isQuoting ? kind?.refusal : kind?.response, own?.response, managed];
      case 'responseStatus':
        return [this.#isQuoting ? kind?.refusalStatus : undefined];
      case 'annotations':
        if (level === 'Metadata') return [WITHOUT_WEBHOOK_PATCHES];
        return [kind?.request, own?.request].map((body) => body && annotationsWith(body));
      default:
        return [];
    }
  }

  /** As kube-apiserver would have written it. A level is never made higher. */
  #lowered({ value, end }: Member): readonly Edit[] {
    const { level } = this.#plan;
    if (level === undefined) return [];
    const text = this.#line[value] === QUOTE ? decodedText(this.#line, value, end) : '';
    const rank = LEVELS.indexOf(text);
    if (rank !== -1 && rank <= LEVELS.indexOf(level)) return [];
    return [{ start: value, end, text: JSON.stringify(level) }];
  }

  #uri({ value, end }: Member): readonly Edit[] {
    const { hasUriRedacted, hasCommands } = this.#plan;
    if (!hasUriRedacted || this.#line[value] !== QUOTE) return [];
    const marking = { marks: this.#marks, findings: this.#findings };
    return uriEdits(this.#line, [value + 1, end - 1], hasCommands, marking);
  }

  /** A body that is a string already, or becomes one as a whole, stays so; `null` is none. */
  #asString(start: number, end: number, edits: readonly Edit[]): readonly Edit[] {
    const first = this.#line[start];
    const isReplaced = edits.some((edit) => edit.start === start && edit.end === end);
    if (first === QUOTE || first === LETTER_N || isReplaced) return edits;
    const text = edited(this.#line, start, end, edits).toString();
    return [{ start, end, text: JSON.stringify(text) }];
  }
}

function membersOf(line: Buffer, ends: ValueEnds | undefined): readonly Member[] {
  const members: Member[] = [];
  const end = walkMembers(line, skipSpace(line, 0), ({ key, keyEnd, value }) => {
    const behind = ends?.get(value) ?? valueEnd(line, value);
    members.push({ name: decodedText(line, key, keyEnd), start: key, value, end: behind });
    return behind;
  });
  if (skipSpace(line, end) !== line.length) throw new Error('something follows the event');
  return members;
}

/** Whether what is said of the request's outcome may quote what was sent. */
function mayQuote(line: Buffer, members: readonly Member[]): boolean {
  const codes: number[] = [];
  for (const { name, value } of members) {
    if (name !== 'responseStatus' || line[value] !== OPEN_BRACE) continue;
    walkMembers(line, value, (found) => {
      const end = valueEnd(line, found.value);
      if (decodedText(line, found.key, found.keyEnd) === 'code') {
        codes.push(Number(line.toString('latin1', found.value, end)));
      }
      return end;
    });
  }
  return codes.length === 0 || codes.some(isQuotingCode);
}

/** @param code of the answer's status. */
export function isQuotingCode(code: unknown): boolean {
  return QUOTING_CODES.has(Number(code));
}
