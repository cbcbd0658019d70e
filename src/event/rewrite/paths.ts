/**
 * Paths of the user's choice, `requestObject.spec.foo[*].bar`: what they say, and what is wrong with them. Pure.
 */
import { BODIES } from '../bodies.ts';
import { FIELDS } from '../core.ts';
import { bodyPlace, LAST_APPLIED, OBJECTS } from './kinds.ts';
import { EACH, Place, type Step } from './place.ts';

/** Both bodies. */
const BODY = 'body';
/** Each of them costs something for each key of a body. */
const MAX_PATHS = 256;
/** Deeper than anything in Kubernetes, and a bound for what is open at once. */
const MAX_STEPS = 32;
/** Sticky: each is tried at one place. A name ends where something else begins. */
const NAME = /[^.[\]"*\s]+/y;
const EACH_STEP = /\.\*|\[\*\]/y;
const NAMED_STEP = /\.([^.[\]"*\s]+)/y;
const QUOTED_STEP = /\[("(?:[^"\\]|\\.)*")\]/y;

/** What the user wants of events, whatever they are about. */
export interface OwnPlaces {
  /** Of the event's own fields. */
  readonly event: Place;
  /** Of its bodies; undefined where nothing is wanted. */
  readonly request: Place | undefined;
  readonly response: Place | undefined;
}

interface Path {
  readonly root: string;
  readonly steps: readonly Step[];
}

/** @throws Error for a path that is none, with what to write instead. */
export function ownPlaces(texts: readonly string[]): OwnPlaces {
  if (texts.length > MAX_PATHS) {
    throw new Error(`redact.paths has ${texts.length} paths; ${MAX_PATHS} are possible`);
  }
  const event = new Place();
  const paths = texts.map(parsePath);
  const [request, response] = BODIES.map((body) => {
    const own = paths.filter(({ root }) => root === BODY || root === body);
    return own.length === 0 ? undefined : bodyWith(own);
  });
  for (const { root, steps } of paths) if (!isBody(root)) put(event, [root, ...steps]);
  return { event, request, response };
}

function isBody(root: string): boolean {
  const bodies: readonly string[] = [BODY, ...BODIES];
  return bodies.includes(root);
}

/** The paths are about the object that is the body, or is in it, and so about the copy of it that kubectl keeps. */
function bodyWith(paths: readonly Path[]): Place {
  const body = bodyPlace();
  if (paths.some(({ steps }) => steps.length === 0)) body.redact();
  for (const object of OBJECTS) {
    for (const { steps } of paths) if (steps.length > 0) put(body.at(...object), steps);
    body.at(...object, 'metadata', 'annotations', LAST_APPLIED).text = body;
  }
  return body;
}

function put(place: Place, steps: readonly Step[]): void {
  place.redact(...steps);
  // Something else than a map or a list, where all that is in it is wanted, is wanted as well.
  if (steps.at(-1) === EACH) place.at(...steps.slice(0, -1)).shape = 'container';
}

function parsePath(text: string): Path {
  const root = matchAt(NAME, text, 0)?.[0] ?? '';
  if (root !== BODY && !FIELDS.some((field) => field === root)) {
    const roots = [BODY, ...FIELDS].join(', ');
    throw problem(text, 0, `a path begins with one of ${roots}`);
  }
  const steps: Step[] = [];
  for (let at = root.length; at < text.length;) {
    const found = stepAt(text, at);
    steps.push(found.step);
    at += found.length;
  }
  if (steps.length > MAX_STEPS) throw problem(text, 0, `it has more than ${MAX_STEPS} steps`);
  return { root, steps };
}

function stepAt(text: string, at: number): { readonly step: Step; readonly length: number } {
  const each = matchAt(EACH_STEP, text, at);
  if (each !== undefined) return { step: EACH, length: each[0].length };
  const named = matchAt(NAMED_STEP, text, at);
  if (named?.[1] !== undefined) return { step: named[1], length: named[0].length };
  const quoted = matchAt(QUOTED_STEP, text, at);
  const key = quoted?.[1] === undefined ? undefined : parsedKey(quoted[1]);
  if (quoted !== undefined && key !== undefined) return { step: key, length: quoted[0].length };
  throw problem(text, at, 'here may stand .name, .*, [*] or ["any key"]');
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function parsedKey(json: string): string | undefined {
  try {
    return String(JSON.parse(json));
  } catch {
    return undefined;
  }
}

function problem(text: string, at: number, what: string): Error {
  return new Error(`the path ${JSON.stringify(text)}, character ${at + 1}: ${what}`);
}
