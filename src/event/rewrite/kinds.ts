/**
 * Where Kubernetes' own objects hold secrets: Secrets, tokens, and, when it is wished, ConfigMaps and the environment
 * of containers. Pure.
 */
import { EACH, Place, type Step } from './place.ts';

/** What decides about the kind of an event's bodies. */
export interface Subject {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** Whether it is about a resource at all. */
  readonly isResource: boolean;
}

/** What of an event about an object is wanted. */
export interface Kind {
  readonly name: string;
  readonly request: Place;
  readonly response: Place;
  /** The answer, and `responseStatus`, when the request was refused for what was in it. */
  readonly refusal: Place;
  readonly refusalStatus: Place;
}

/** Annotations of objects in which a tool keeps the object as it was applied, with all of its values. */
const COPIES = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'kapp.k14s.io/original',
  'kopf.zalando.org/last-handled-configuration',
  'objectset.rio.cattle.io/applied',
] as const;
/** The copy that is the object in JSON, word for word. */
export const LAST_APPLIED = COPIES[0];

/** Where objects stand in a body: it is one, it is a list of them, or a table with one in each row. */
export const OBJECTS: readonly (readonly Step[])[] = [
  [],
  ['items', EACH],
  ['rows', EACH, 'object'],
];

/** What every object may have besides its values. Those with a dollar direct a strategic merge. */
const OF_OBJECTS = ['kind', 'apiVersion', 'metadata', '$patch', '$retainKeys'] as const;
/** Of Secrets and ConfigMaps. */
const OF_HOLDERS = ['type', 'immutable'] as const;
const OF_DELETE_OPTIONS = [
  'gracePeriodSeconds',
  'preconditions',
  'orphanDependents',
  'propagationPolicy',
  'dryRun',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
] as const;
const OF_ANSWERS = ['status', 'message', 'reason', 'details', 'code', 'columnDefinitions'] as const;

/** A body, in which a string is JSON as well. */
export function bodyPlace(): Place {
  const body = new Place();
  body.isBody = true;
  body.text = body;
  return body;
}

/** Puts places into each object of a body. */
type Fill = (object: Place) => void;

function bodyOf(fill: Fill): Place {
  const body = bodyPlace();
  for (const steps of OBJECTS) fill(body.at(...steps));
  for (const list of ['items', 'rows']) body.at(list).shape = 'container';
  return body;
}

/** What kube-apiserver says of a request that it cannot take may quote it, in hex too. */
function fillRefusal(status: Place): void {
  status.redact('message');
  status.redact('details', 'causes', EACH, 'message');
}

function kindOf(name: string, request: Fill, response: Fill): Kind {
  const refusal = bodyOf(response);
  fillRefusal(refusal);
  const refusalStatus = new Place();
  fillRefusal(refusalStatus);
  return { name, request: bodyOf(request), response: bodyOf(response), refusal, refusalStatus };
}

function fillCopies(object: Place): void {
  const annotations = object.at('metadata', 'annotations');
  for (const copy of COPIES) annotations.redact(copy);
}

/** A map of which every value is redacted. What is no map is redacted whole. */
function fillValues(object: Place, ...names: readonly string[]): void {
  for (const name of names) {
    const values = object.at(name);
    values.shape = 'object';
    values.redact(EACH);
  }
}

/** Of what holds nothing but values, what nobody knows is redacted: a misspelt key holds what the right one would. */
function strict(names: readonly string[], known: readonly string[]): Fill {
  return (object) => {
    object.shape = 'object';
    for (const name of [...OF_OBJECTS, ...OF_HOLDERS, ...known]) object.at(name);
    object.at('metadata').shape = 'object';
    object.at('metadata', 'annotations').shape = 'object';
    fillCopies(object);
    fillValues(object, ...names);
    object.others ??= new Place();
    object.others.redact();
  };
}

function holder(name: string, ...names: readonly string[]): Kind {
  return kindOf(name, strict(names, OF_DELETE_OPTIONS), strict(names, OF_ANSWERS));
}

function fillTokens(object: Place): void {
  object.shape = 'object';
  for (const part of ['spec', 'status']) {
    object.at(part).shape = 'object';
    object.redact(part, 'token');
  }
}

function fillUnknown(object: Place): void {
  object.shape = 'object';
  fillCopies(object);
  fillValues(object, 'data', 'stringData');
  for (const part of ['spec', 'status']) object.redact(part, 'token');
}

/** Where the description of a pod stands: in a pod (or an old EphemeralContainers), and in what makes pods. */
const POD_SPECS: readonly (readonly string[])[] = [
  [],
  ['spec'],
  ['template', 'spec'],
  ['spec', 'template', 'spec'],
  ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  ['data', 'spec', 'template', 'spec'],
];
const CONTAINERS = ['containers', 'initContainers', 'ephemeralContainers'] as const;
const OF_VARIABLES = ['name', 'valueFrom', '$patch'] as const;

function fillEnv(object: Place): void {
  object.shape = 'object';
  fillCopies(object);
  for (const spec of POD_SPECS) {
    for (const containers of CONTAINERS) {
      const env = object.at(...spec, containers, EACH, 'env');
      env.shape = 'container';
      const variable = env.at(EACH);
      variable.shape = 'object';
      for (const name of OF_VARIABLES) variable.at(name);
      variable.others = new Place();
      variable.others.redact();
    }
  }
}

const SECRETS = holder('secrets', 'data', 'stringData');
const CONFIG_MAPS = holder('config maps', 'data', 'binaryData');
const TOKENS = kindOf('tokens', fillTokens, fillTokens);
const UNKNOWN = kindOf('unknown', fillUnknown, fillUnknown);
const ENV = kindOf('env', fillEnv, fillEnv);

/** What has pods, by group. */
const WITH_PODS: ReadonlyMap<string, readonly string[]> = new Map([
  ['', ['pods', 'podtemplates', 'replicationcontrollers']],
  ['apps', ['deployments', 'replicasets', 'statefulsets', 'daemonsets', 'controllerrevisions']],
  ['batch', ['jobs', 'cronjobs']],
  ['extensions', ['deployments', 'replicasets', 'daemonsets']],
]);

/** Whether it is known what the bodies are. */
export function isKnown({ isResource, resource }: Subject): boolean {
  return isResource && resource !== '';
}

/** @returns undefined when objects of this kind are passed over. */
export function kindFor(
  subject: Subject,
  wanted: { readonly configMaps: boolean; readonly env: boolean },
): Kind | undefined {
  const { group, resource, subresource } = subject;
  // They are searched for all that they may be.
  if (!isKnown(subject)) return UNKNOWN;
  if (group === 'authentication.k8s.io' && resource === 'tokenreviews') return TOKENS;
  if (group === '' && resource === 'secrets') return SECRETS;
  if (group === '' && resource === 'serviceaccounts' && subresource === 'token') return TOKENS;
  if (wanted.configMaps && group === '' && resource === 'configmaps') return CONFIG_MAPS;
  return wanted.env && WITH_PODS.get(group)?.includes(resource) === true ? ENV : undefined;
}
