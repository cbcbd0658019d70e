/**
 * What is done to an event before it leaves: secrets are redacted, bodies are shaped or left out, keys lose their dots.
 * What is not changed stays byte for byte. It knows no files, no configuration and no metrics. Pure.
 */
import { withAnnotation } from '../annotation.ts';
import { skipSpace } from '../json-bytes.ts';
import { dedotted } from './dedot.ts';
import { edited } from './edits.ts';
import { EventEditor, type Plan, type ValueEnds } from './event-editor.ts';
import { bareEvent } from './fallback.ts';
import { Findings } from './findings.ts';
import { outsideOfBodies } from './invalid.ts';
import { isKnown, kindFor, type Kind, type Subject } from './kinds.ts';
import { Marks } from './marks.ts';
import { ownPlaces, type OwnPlaces } from './paths.ts';
import { Place } from './place.ts';
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

export interface Rewritten {
  /** The same buffer when nothing is changed. */
  readonly line: Buffer;
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

  /** @throws Error in plain words for a path that is none. */
  constructor(options: RewriteOptions) {
    const { redaction } = options;
    this.#options = options;
    this.#marks = new Marks(redaction?.hashKey);
    this.#own = redaction && ownPlaces(redaction.paths);
  }

  /** Of events about this. The query of the requestURI is a thing of its own. */
  concerns(what: What, wish: Wish): Concern {
    const { dedot, bodies } = this.#options;
    const own = this.#own;
    const kind = this.#kindOf(what);
    const isAbout = kind !== undefined && isKnown(what);
    if (dedot || wish.level !== undefined) return 'always';
    if (own !== undefined && own.event.members.size > 0) return 'always';
    if (isAbout) return 'quotes';
    const hasBodyPlaces = own?.request !== undefined || own?.response !== undefined;
    const needsBody = kind !== undefined || hasBodyPlaces || wish.omitManagedFields;
    return needsBody || bodies !== 'object' ? 'bodies' : 'never';
  }

  /** Whether a URI, as it stands in the JSON of an event, may hold a secret: quick, and on the safe side. */
  concernsUri(uri: Buffer): boolean {
    return this.#options.redaction !== undefined && concernsUri(uri);
  }

  /**
   * Fails closed: of an event that it does not get through, only what identifies it is left.
   * @param line one JSON object without a newline. @param ends of values at its top, as far as they are known.
   */
  rewrite(line: Buffer, what: What, wish: Wish, ends?: ValueEnds): Rewritten {
    try {
      return this.#rewritten(line, what, wish, ends);
    } catch {
      const isWithheld = (name: string): boolean => this.#own?.event.members.has(name) === true;
      return { line: bareEvent(line, REDACTED_ANNOTATION, isWithheld), redacted: 1 };
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

  #rewritten(line: Buffer, what: What, wish: Wish, ends: ValueEnds | undefined): Rewritten {
    const findings = new Findings();
    const plan = this.#planFor(what, wish);
    const edits = new EventEditor(line, plan, this.#marks, findings, ends).edits();
    const changed = edits.length === 0 ? line : edited(line, 0, line.length, edits);
    const told = findings.count === 0 ? changed : annotated(changed, findings.text);
    const { dedot } = this.#options;
    return { line: dedot ? dedotted(told) : told, redacted: findings.count };
  }

  #planFor(what: What, { level, omitManagedFields }: Wish): Plan {
    return {
      kind: this.#kindOf(what),
      own: this.#own,
      hasUriRedacted: this.#options.redaction !== undefined,
      hasCommands: !isKnown(what) || WITH_COMMANDS.has(what.subresource),
      bodies: this.#options.bodies,
      level,
      omitsManagedFields: omitManagedFields,
      isPatch: what.verb === 'patch',
    };
  }

  #kindOf(what: What): Kind | undefined {
    const { redaction } = this.#options;
    return redaction && kindFor(what, redaction);
  }
}

/** Replaces the annotation where somebody else has written one of its name. */
function annotated(line: Buffer, text: string): Buffer {
  const seeker = new Seeker(line, new Marks(undefined), new Findings());
  seeker.value(skipSpace(line, 0), [FORGED]);
  const own = edited(line, 0, line.length, seeker.edits);
  const result = withAnnotation(own, REDACTED_ANNOTATION, text);
  if (result === undefined) throw new Error('a rewritten event is none');
  return result;
}
