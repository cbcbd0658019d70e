/**
 * What is done to an event before it leaves: secrets are redacted, bodies are shaped or left out, keys lose their dots.
 * What is not changed stays byte for byte. It knows no files, no configuration and no metrics. Pure.
 */
import { annotationIn, withAnnotation } from '../annotation.ts';
import { isText, OPEN_BRACE, skipSpace, valueEnd, walkMembers } from '../json-bytes.ts';
import { dedotted } from './dedot.ts';
import { edited, Edited, type Edit } from './edits.ts';
import { EventEditor, type EventBytes } from './event-editor.ts';
import { bareEvent } from './fallback.ts';
import { Findings } from './findings.ts';
import { outsideOfBodies } from './invalid.ts';
import { isKnown, kindFor, type Kind, type Subject } from './kinds.ts';
import { Marks } from './marks.ts';
import { ownPlaces, type OwnPlaces } from './paths.ts';
import { Place } from './place.ts';
import { planOf, type Plan } from './plan.ts';
import { Seeker } from './seeker.ts';
import { concernsUri } from './uri.ts';

/** The annotation that says what was redacted. */
const REDACTED_ANNOTATION = 'audit-shipper.io/redacted';

export interface RewriteOptions {
  /** Undefined: nothing is redacted. */
  readonly redaction: RedactionOptions | undefined;
  /** What becomes of the bodies: they stay objects, become one string of JSON each, or are left out. */
  readonly bodies: 'object' | 'string' | 'drop';
  /** Whether dots in keys become underscores. */
  readonly dedot: boolean;
}

export interface RedactionOptions {
  /** Of the user's choice. */
  readonly paths: readonly string[];
  readonly configMaps: boolean;
  /** Values of the environment of containers. */
  readonly env: boolean;
  /** A keyed hash takes the place of a value; undefined: a fixed word does. */
  readonly hashKey: Buffer | undefined;
}

/** What an event is about. */
export interface What extends Subject {
  readonly verb: string;
}

/** What the audit policy wants of an event. */
export interface Wish {
  /** The level it is lowered to; undefined where it stays. */
  readonly level: 'Metadata' | 'Request' | undefined;
  readonly omitManagedFields: boolean;
}

/**
 * Whether an event may have to be changed: only when it may hold a body, or when its answer may quote one as well, or in
 * any case.
 */
export type Concern = 'never' | 'bodies' | 'quotes' | 'always';

export interface Rewritten<Line> {
  readonly line: Line;
  /** How many values were redacted. */
  readonly redacted: number;
}

/** Subresources whose requests say in the URI what is run; behind a proxy that may be the kubelet's API. */
const WITH_COMMANDS: ReadonlySet<string> = new Set(['exec', 'attach', 'proxy']);

const FORGED = new Place();
FORGED.at('annotations', REDACTED_ANNOTATION).action = 'remove';

export class Rewriter {
  readonly #options: RewriteOptions;
  readonly #marks: Marks;
  readonly #own: OwnPlaces | undefined;
  /** By what is different in them: there are few. */
  readonly #plans = new Map<string, Plan>();

  /** @throws Error in plain words for a path that is none. */
  constructor(options: RewriteOptions) {
    const { redaction } = options;
    this.#options = options;
    this.#marks = new Marks(redaction?.hashKey);
    this.#own = redaction && ownPlaces(redaction.paths);
  }

  /** Of events about this. The query of the requestURI is a thing of its own. */
  concerns(what: What, wish: Wish): Concern {
    const own = this.#own;
    const kind = this.#kindOf(what);
    const isAbout = kind !== undefined && isKnown(what);
    if (!this.concernsBodies || wish.level !== undefined) return 'always';
    if (isAbout) return 'quotes';
    const hasBodyPlaces = own?.request !== undefined || own?.response !== undefined;
    const needsBody = kind !== undefined || hasBodyPlaces || wish.omitManagedFields;
    return needsBody || this.#options.bodies !== 'object' ? 'bodies' : 'never';
  }

  /** Whether, but for secrets in URIs, it changes only what may hold a body, or quote one. */
  get concernsBodies(): boolean {
    const ownMembers = this.#own?.event.members.size ?? 0;
    return !this.#options.dedot && ownMembers === 0;
  }

  get redactsUris(): boolean {
    return this.#options.redaction !== undefined;
  }

  /** Whether a URI, as it stands in the JSON of an event, may hold a secret: quick, and on the safe side. */
  concernsUri(uri: Buffer): boolean {
    return this.redactsUris && concernsUri(uri);
  }

  /** @param line one JSON object without a newline. @returns the same buffer when nothing is changed. */
  rewrite(line: Buffer, what: What, wish: Wish): Rewritten<Buffer> {
    const event = { bytes: line, start: 0, end: line.length };
    const rewritten = this.edit(event, this.planFor(what, wish));
    return { ...rewritten, line: rewritten.line.toBuffer() };
  }

  /** Fails closed: of an event that it does not get through, only what identifies it is left. */
  edit(event: EventBytes, plan: Plan): Rewritten<Edited> {
    try {
      return this.#edited(event, plan);
    } catch {
      const line = event.bytes.subarray(event.start, event.end);
      const isWithheld = (name: string): boolean => this.#own?.event.members.has(name) === true;
      return { line: whole(bareEvent(line, REDACTED_ANNOTATION, isWithheld)), redacted: 1 };
    }
  }

  /**
   * Of bytes that are no event: what of them may leave, with a note of the rest.
   * @param isBeginning whether they begin a line: nothing of them leaves where they do not.
   */
  rewriteInvalid(
    bytes: Buffer,
    isBeginning = true,
  ): { readonly bytes: Buffer; readonly redacted: number } {
    if (this.#own === undefined) return { bytes, redacted: 0 };
    if (!isBeginning) return { bytes: Buffer.from(this.#marks.note(bytes)), redacted: 1 };
    return outsideOfBodies(bytes, this.#own.event, this.#marks);
  }

  #edited(event: EventBytes, plan: Plan): Rewritten<Edited> {
    const findings = new Findings();
    const edits = new EventEditor(event, plan, this.#marks, findings).edits();
    const redacted = findings.count;
    if (edits.length === 0 && this.#options.dedot) {
      return { line: dedotted(event.bytes, event.start, event.end), redacted };
    }
    const told = redacted === 0 ? changed(event, edits) : annotated(event, edits, findings);
    if (!this.#options.dedot) return { line: told, redacted };
    const line = told.toBuffer();
    return { line: dedotted(line, 0, line.length), redacted };
  }

  /** For events about this. */
  planFor(what: What, { level, omitManagedFields }: Wish): Plan {
    const kind = this.#kindOf(what);
    const hasCommands = !isKnown(what) || WITH_COMMANDS.has(what.subresource);
    const isPatch = what.verb === 'patch';
    const key = JSON.stringify([kind?.name, hasCommands, isPatch, level, omitManagedFields]);
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const plan = planOf({
      kind,
      own: this.#own,
      hasUriRedacted: this.redactsUris,
      hasCommands,
      bodies: this.#options.bodies,
      level,
      omitsManagedFields: omitManagedFields,
      isPatch,
    });
    this.#plans.set(key, plan);
    return plan;
  }

  #kindOf(what: What): Kind | undefined {
    const { redaction } = this.#options;
    return redaction && kindFor(what, redaction);
  }
}

function whole(line: Buffer): Edited {
  return new Edited(line, 0, line.length, []);
}

function changed({ bytes, start, end }: EventBytes, edits: readonly Edit[]): Edited {
  return new Edited(bytes, start, end, edits);
}

/** Replaces the annotation where somebody else has written one of its name. */
function annotated(event: EventBytes, edits: Edit[], { text }: Findings): Edited {
  const insertion = annotationEdit(event, edits, text);
  if (insertion === undefined) return whole(annotatedAnew(changed(event, edits).toBuffer(), text));
  let behind = edits.length;
  while (behind > 0 && (edits[behind - 1]?.start ?? 0) > insertion.start) behind -= 1;
  edits.splice(behind, 0, insertion);
  return changed(event, edits);
}

/** One more edit; undefined where the annotations are changed already, or are to be. */
function annotationEdit(
  { bytes, start, end, known }: EventBytes,
  edits: readonly Edit[],
  text: string,
): Edit | undefined {
  if (known === undefined || known.hasRepeated) return undefined;
  const annotations = known.member('annotations');
  if (annotations !== undefined) {
    const { value, end: after } = annotations;
    if (edits.some((edit) => edit.start < after && edit.end > value)) return undefined;
    if (bytes[value] === OPEN_BRACE && hasAnnotation(bytes, value)) return undefined;
  }
  const place = [skipSpace(bytes, start), end] as const;
  const insertion = annotationIn(bytes, place, annotations, [REDACTED_ANNOTATION, text]);
  return { start: insertion.at, end: insertion.at, text: insertion.text };
}

/** Whether a map has it. */
function hasAnnotation(bytes: Buffer, start: number): boolean {
  let hasIt = false;
  walkMembers(bytes, start, ({ key, keyEnd, value }) => {
    if (isText(bytes, key, keyEnd, REDACTED_ANNOTATION)) hasIt = true;
    return valueEnd(bytes, value);
  });
  return hasIt;
}

function annotatedAnew(line: Buffer, text: string): Buffer {
  const seeker = new Seeker(line, new Marks(undefined), new Findings());
  seeker.value(skipSpace(line, 0), [FORGED]);
  const own = edited(line, 0, line.length, seeker.edits);
  const result = withAnnotation(own, REDACTED_ANNOTATION, text);
  if (result === undefined) throw new Error('a rewritten event is none');
  return result;
}
