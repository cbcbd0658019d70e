/**
 * What is wanted of events that are about the same, field by field: what of them is looked for, what is left out. It is
 * made once for many events, and says nothing about bytes. Pure.
 */
import { BODIES } from '../bodies.ts';
import { FIELDS, type Field } from '../core.ts';
import { OBJECTS, type Kind } from './kinds.ts';
import type { OwnPlaces } from './paths.ts';
import { Place, type Places } from './place.ts';

/** What is wanted of an event. */
export interface Wants {
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

/** What is done to a field. */
export interface FieldPlan {
  readonly name: Field;
  /** - `seek`: only its places are changed. */
  readonly change: 'drop' | 'lower' | 'uri' | 'string' | 'seek';
  readonly places: Places;
  /** The places in an event whose answer may quote the request. */
  readonly quoting: Places;
}

export interface Plan {
  readonly wants: Wants;
  /** Those of which something is wanted. */
  readonly fields: ReadonlyMap<string, FieldPlan>;
}

/** Patches of mutating webhooks, which kube-apiserver writes from the level Request on: `{"patch":[…],…}` in a text. */
const WEBHOOK_PATCH = 'patch.webhook.admission.k8s.io/';

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

export function planOf(wants: Wants): Plan {
  const plans = FIELDS.map((name) => fieldPlan(name, wants));
  const wanted = plans.filter((plan) => isWanted(plan, wants));
  return { wants, fields: new Map(wanted.map((plan) => [plan.name, plan])) };
}

function fieldPlan(name: Field, wants: Wants): FieldPlan {
  const places = placesOf(name, wants, false);
  const quoting = placesOf(name, wants, true);
  return { name, change: changeOf(name, places, wants), places, quoting };
}

function isWanted({ change, places, quoting }: FieldPlan, wants: Wants): boolean {
  if (change === 'seek') return places.length > 0 || quoting.length > 0;
  if (change === 'lower') return wants.level !== undefined;
  return change !== 'uri' || wants.hasUriRedacted;
}

function changeOf(name: Field, places: Places, wants: Wants): FieldPlan['change'] {
  if (isDropped(name, wants)) return 'drop';
  const isRedacted = places.some(({ action }) => action === 'redact');
  if (name === 'level' && !isRedacted) return 'lower';
  if (name === 'requestURI' && !isRedacted) return 'uri';
  const isBody = BODIES.some((body) => body === name);
  return isBody && wants.bodies === 'string' ? 'string' : 'seek';
}

function isDropped(name: Field, { bodies, level }: Wants): boolean {
  if (name === 'requestObject') return bodies === 'drop' || level === 'Metadata';
  return name === 'responseObject' && (bodies === 'drop' || level !== undefined);
}

function placesOf(name: Field, wants: Wants, isQuoting: boolean): Places {
  return [wants.own?.event.named(name), ...kindPlaces(name, wants, isQuoting)].filter(
    (place) => place !== undefined,
  );
}

function kindPlaces(
  name: string,
  { kind, own, level, omitsManagedFields, isPatch }: Wants,
  isQuoting: boolean,
): readonly (Place | undefined)[] {
  const managed = omitsManagedFields ? MANAGED_FIELDS : undefined;
  switch (name) {
    case 'requestObject':
      return [kind?.request, own?.request, isPatch ? undefined : managed];
    case 'responseObject':
      return [isQuoting ? kind?.refusal : kind?.response, own?.response, managed];
    case 'responseStatus':
      return [isQuoting ? kind?.refusalStatus : undefined];
    case 'annotations':
      if (level === 'Metadata') return [WITHOUT_WEBHOOK_PATCHES];
      return [kind?.request, own?.request].map((body) => body && annotationsWith(body));
    default:
      return [];
  }
}
