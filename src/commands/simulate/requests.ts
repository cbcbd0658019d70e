/**
 * What the callers of the simulated kube-apiserver ask for, and how it answers: a weighted table of the
 * traffic of a small cluster. Pure; knows nothing of stages, time and JSON.
 */
import {
  ADMINISTRATORS,
  APISERVER,
  CONTROLLER_MANAGER,
  CONTROLLERS,
  type Caller,
  IMPERSONATORS,
  KUBELETS,
  PEOPLE,
  PROBES,
  REFUSED_TOKENS,
  SCANNERS,
  SCHEDULER,
  WORKLOADS,
} from './callers.ts';
import type { Random } from './random.ts';

/** The order of keys is that of `audit.k8s.io/v1` ObjectReference. */
interface ObjectReference {
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly apiGroup: string | undefined;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
}

/** The order of keys is that of `meta/v1` Status. */
export interface ResponseStatus {
  readonly metadata: Readonly<Record<string, never>>;
  readonly status?: 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: Readonly<Record<string, string | undefined>>;
  readonly code: number;
}

/** - `plain`: one answer. - `stream`: a watch or an exec, which starts and ends. - `refused`: no valid token. */
type RequestShape = 'plain' | 'stream' | 'refused';

export interface ApiRequest {
  readonly caller: Caller;
  readonly verb: string;
  readonly requestURI: string;
  /** Missing for URLs that name no resource, such as /healthz. */
  readonly objectRef: ObjectReference | undefined;
  /** Kind of the object, for bodies. */
  readonly kind: string;
  readonly shape: RequestShape;
  readonly responseStatus: ResponseStatus;
  readonly decision: 'allow' | 'forbid';
}

interface Resource {
  readonly resource: string;
  readonly kind: string;
  readonly group: string;
  readonly version: string;
}

const define = (resource: string, kind: string, group = '', version = 'v1'): Resource => ({
  resource,
  kind,
  group,
  version,
});

const PODS = define('pods', 'Pod');
const NODES = define('nodes', 'Node');
const CONFIGMAPS = define('configmaps', 'ConfigMap');
const SECRETS = define('secrets', 'Secret');
const SERVICES = define('services', 'Service');
const SERVICE_ACCOUNTS = define('serviceaccounts', 'ServiceAccount');
const NAMESPACES = define('namespaces', 'Namespace');
const LEASES = define('leases', 'Lease', 'coordination.k8s.io');
const EVENTS = define('events', 'Event', 'events.k8s.io');
const DEPLOYMENTS = define('deployments', 'Deployment', 'apps');
const REPLICASETS = define('replicasets', 'ReplicaSet', 'apps');
const ENDPOINTSLICES = define('endpointslices', 'EndpointSlice', 'discovery.k8s.io');
const INGRESSES = define('ingresses', 'Ingress', 'networking.k8s.io');
const TOKEN_REVIEWS = define('tokenreviews', 'TokenReview', 'authentication.k8s.io');
const ROLE_BINDINGS = define('rolebindings', 'RoleBinding', 'rbac.authorization.k8s.io');

const APPS = ['checkout', 'cart', 'catalog', 'payments', 'search', 'frontend'] as const;
const APP_NAMESPACES = ['shop', 'shop-staging', 'data', 'monitoring'] as const;

type Name = (random: Random, caller: Caller) => string;
const appName: Name = (random) => random.pick(APPS);
const podName: Name = (random) => `${random.pick(APPS)}-${random.hex(9)}-${random.hex(5)}`;
const selfName: Name = (_random, caller) => caller.self;

/** One row of the table: who does what to which resource, and how often compared with the other rows. */
interface Habit {
  readonly weight: number;
  readonly callers: readonly Caller[];
  readonly verb: string;
  readonly resource: Resource;
  readonly subresource?: string;
  /** `any`: one of the namespaces of the applications. Undefined: cluster-wide. */
  readonly namespace?: string;
  readonly name?: Name;
  readonly query?: string;
}

const WATCH_QUERY =
  'allowWatchBookmarks=true&resourceVersion=8114025&timeoutSeconds=489&watch=true';
const EXEC_QUERY = 'command=sh&command=-c&command=uptime&container=app&stdout=true&tty=true';

// prettier-ignore
const HABITS: readonly Habit[] = [
  { weight: 150, callers: KUBELETS, verb: 'update', resource: LEASES, namespace: 'kube-node-lease', name: selfName, query: 'timeout=10s' },
  { weight: 60, callers: KUBELETS, verb: 'patch', resource: NODES, subresource: 'status', name: selfName, query: 'timeout=10s' },
  { weight: 40, callers: KUBELETS, verb: 'get', resource: PODS, namespace: 'any', name: podName },
  { weight: 25, callers: KUBELETS, verb: 'create', resource: SERVICE_ACCOUNTS, subresource: 'token', namespace: 'any', name: appName },
  { weight: 15, callers: KUBELETS, verb: 'watch', resource: CONFIGMAPS, namespace: 'any', query: WATCH_QUERY },
  { weight: 70, callers: SCHEDULER, verb: 'update', resource: LEASES, namespace: 'kube-system', name: selfName, query: 'timeout=5s' },
  { weight: 20, callers: SCHEDULER, verb: 'create', resource: PODS, subresource: 'binding', namespace: 'any', name: podName },
  { weight: 20, callers: SCHEDULER, verb: 'create', resource: EVENTS, namespace: 'any' },
  { weight: 70, callers: CONTROLLER_MANAGER, verb: 'get', resource: LEASES, namespace: 'kube-system', name: selfName, query: 'timeout=5s' },
  { weight: 30, callers: CONTROLLERS, verb: 'update', resource: REPLICASETS, subresource: 'status', namespace: 'any', name: appName },
  { weight: 25, callers: CONTROLLERS, verb: 'create', resource: PODS, namespace: 'any' },
  { weight: 25, callers: CONTROLLERS, verb: 'update', resource: ENDPOINTSLICES, namespace: 'any', name: appName },
  { weight: 15, callers: CONTROLLERS, verb: 'delete', resource: PODS, namespace: 'any', name: podName },
  { weight: 5, callers: CONTROLLERS, verb: 'deletecollection', resource: CONFIGMAPS, namespace: 'shop-staging' },
  { weight: 20, callers: APISERVER, verb: 'list', resource: NAMESPACES, query: 'limit=500&resourceVersion=0' },
  { weight: 50, callers: WORKLOADS, verb: 'list', resource: PODS, query: 'limit=500&resourceVersion=0' },
  { weight: 20, callers: WORKLOADS, verb: 'watch', resource: INGRESSES, query: WATCH_QUERY },
  { weight: 25, callers: WORKLOADS, verb: 'get', resource: SECRETS, namespace: 'any', name: appName },
  { weight: 20, callers: WORKLOADS, verb: 'patch', resource: DEPLOYMENTS, namespace: 'any', name: appName, query: 'fieldManager=deployer' },
  { weight: 15, callers: WORKLOADS, verb: 'create', resource: TOKEN_REVIEWS },
  { weight: 40, callers: PEOPLE, verb: 'list', resource: PODS, namespace: 'any', query: 'limit=500' },
  { weight: 15, callers: PEOPLE, verb: 'get', resource: PODS, subresource: 'log', namespace: 'any', name: podName, query: 'container=app&tailLines=100' },
  { weight: 12, callers: PEOPLE, verb: 'patch', resource: DEPLOYMENTS, subresource: 'scale', namespace: 'any', name: appName, query: 'fieldManager=kubectl' },
  { weight: 10, callers: PEOPLE, verb: 'update', resource: CONFIGMAPS, namespace: 'any', name: appName, query: 'fieldManager=kubectl-edit' },
  { weight: 8, callers: PEOPLE, verb: 'create', resource: PODS, subresource: 'exec', namespace: 'shop', name: podName, query: EXEC_QUERY },
  { weight: 6, callers: PEOPLE, verb: 'delete', resource: DEPLOYMENTS, namespace: 'shop-staging', name: appName },
  { weight: 6, callers: PEOPLE, verb: 'list', resource: SECRETS, namespace: 'any', query: 'limit=500' },
  { weight: 6, callers: ADMINISTRATORS, verb: 'create', resource: ROLE_BINDINGS, namespace: 'any' },
  { weight: 6, callers: ADMINISTRATORS, verb: 'create', resource: SERVICES, subresource: 'proxy', namespace: 'monitoring', name: appName },
  { weight: 8, callers: IMPERSONATORS, verb: 'get', resource: SECRETS, namespace: 'shop', name: appName },
];

const SCAN_WEIGHT = 8;
const REFUSED_TOKEN_WEIGHT = 8;
const URL_WEIGHT = 60;
const HABITS_WEIGHT = HABITS.reduce((sum, habit) => sum + habit.weight, 0);

/** URLs that name no resource, with who asks for them. */
const URLS: readonly (readonly [callers: readonly Caller[], url: string])[] = [
  [PROBES, '/livez'],
  [PROBES, '/readyz?exclude=informer-sync'],
  [PROBES, '/healthz'],
  [SCANNERS, '/version'],
  [WORKLOADS, '/metrics'],
  [WORKLOADS, '/openapi/v3?timeout=32s'],
  [PEOPLE, '/apis?timeout=32s'],
];

function requestPath(ref: ObjectReference): string {
  const root = ref.apiGroup === undefined ? '/api/v1' : `/apis/${ref.apiGroup}/${ref.apiVersion}`;
  const namespace = ref.namespace === undefined ? '' : `/namespaces/${ref.namespace}`;
  const name = ref.name === undefined ? '' : `/${encodeURIComponent(ref.name)}`;
  const subresource = ref.subresource === undefined ? '' : `/${ref.subresource}`;
  return `${root}${namespace}/${ref.resource}${name}${subresource}`;
}

function reference(habit: Habit, random: Random, caller: Caller): ObjectReference {
  const { resource, namespace, subresource } = habit;
  return {
    resource: resource.resource,
    namespace: namespace === 'any' ? random.pick(APP_NAMESPACES) : namespace,
    name: habit.name?.(random, caller),
    apiGroup: resource.group === '' ? undefined : resource.group,
    apiVersion: resource.version,
    subresource,
  };
}

const success = (code: number): ResponseStatus => ({ metadata: {}, code });

const failure = (
  code: number,
  reason: string,
  message: string,
  details?: ResponseStatus['details'],
): ResponseStatus => ({
  metadata: {},
  status: 'Failure',
  message,
  reason,
  ...(details === undefined ? {} : { details }),
  code,
});

/** Subresources that carry an object of another kind than their resource. */
const SUBRESOURCE_KINDS: Readonly<Record<string, string>> = { binding: 'Binding', scale: 'Scale' };

const SUCCESS_CODES: Readonly<Record<string, number>> = { create: 201, exec: 101 };

function forbidden(caller: Caller, verb: string, ref: ObjectReference): ResponseStatus {
  const user = (caller.impersonatedUser ?? caller.user).username ?? '';
  const scope =
    ref.namespace === undefined ? 'at the cluster scope' : `in the namespace "${ref.namespace}"`;
  const subject = ref.name === undefined ? ref.resource : `${ref.resource} "${ref.name}"`;
  const message = `${subject} is forbidden: User "${user}" cannot ${verb} resource "${ref.resource}" in API group "${ref.apiGroup ?? ''}" ${scope}`;
  return failure(403, 'Forbidden', message, {
    name: ref.name,
    group: ref.apiGroup,
    kind: ref.resource,
  });
}

/** The failures that clients live with: something is gone, was changed meanwhile, or exists already. */
function commonFailure(verb: string, ref: ObjectReference): ResponseStatus | undefined {
  const kind = ref.apiGroup === undefined ? ref.resource : `${ref.resource}.${ref.apiGroup}`;
  const subject = `${kind} "${ref.name ?? 'generated'}"`;
  const details = { name: ref.name ?? 'generated', group: ref.apiGroup, kind: ref.resource };
  switch (verb) {
    case 'get':
    case 'delete':
      return failure(404, 'NotFound', `${subject} not found`, details);
    case 'update':
    case 'patch': {
      const message = `Operation cannot be fulfilled on ${subject}: the object has been modified; please apply your changes to the latest version and try again`;
      return failure(409, 'Conflict', message, details);
    }
    case 'create':
      return failure(409, 'AlreadyExists', `${subject} already exists`, details);
    default:
      return undefined;
  }
}

const COMMON_FAILURE_SHARE = 0.03;
/** People and impersonated service accounts try what they may not do; components hardly ever do. */
const FORBIDDEN_SHARE = 0.12;

function answer(
  random: Random,
  habit: Habit,
  caller: Caller,
  ref: ObjectReference,
): ResponseStatus {
  const tries = habit.callers === PEOPLE || habit.callers === IMPERSONATORS;
  if (tries && random.next() < FORBIDDEN_SHARE) return forbidden(caller, habit.verb, ref);
  if (random.next() < COMMON_FAILURE_SHARE) {
    const failed = commonFailure(habit.verb, ref);
    if (failed !== undefined) return failed;
  }
  return success(SUCCESS_CODES[habit.subresource ?? ''] ?? SUCCESS_CODES[habit.verb] ?? 200);
}

function habitual(random: Random, habit: Habit): ApiRequest {
  const caller = random.pick(habit.callers);
  const objectRef = reference(habit, random, caller);
  const responseStatus = answer(random, habit, caller, objectRef);
  const streams = habit.verb === 'watch' || habit.subresource === 'exec';
  const path = requestPath(objectRef);
  return {
    caller,
    verb: habit.verb,
    requestURI: habit.query === undefined ? path : `${path}?${habit.query}`,
    objectRef,
    kind: SUBRESOURCE_KINDS[habit.subresource ?? ''] ?? habit.resource.kind,
    shape: streams && responseStatus.code < 400 ? 'stream' : 'plain',
    responseStatus,
    decision: responseStatus.code === 403 ? 'forbid' : 'allow',
  };
}

function urlRequest(random: Random): ApiRequest {
  const [callers, requestURI] = random.pick(URLS);
  return {
    caller: random.pick(callers),
    verb: 'get',
    requestURI,
    objectRef: undefined,
    kind: 'Status',
    shape: 'plain',
    responseStatus: success(200),
    decision: 'allow',
  };
}

// prettier-ignore
const SCANNED: Habit = { weight: SCAN_WEIGHT, callers: SCANNERS, verb: 'get', resource: SECRETS, namespace: 'kube-system' };
/** Names come out of the URL unchecked: what a terminal must never see unescaped. */
const SCANNED_NAMES = ['admin-token', 'db', '\u001b[2Jgone', '../../etc/shadow'] as const;

function scan(random: Random): ApiRequest {
  const caller = random.pick(SCANNERS);
  const objectRef = { ...reference(SCANNED, random, caller), name: random.pick(SCANNED_NAMES) };
  return {
    caller,
    verb: SCANNED.verb,
    requestURI: requestPath(objectRef),
    objectRef,
    kind: SCANNED.resource.kind,
    shape: 'plain',
    responseStatus: forbidden(caller, SCANNED.verb, objectRef),
    decision: 'forbid',
  };
}

// prettier-ignore
const TOKENLESS: Habit = { weight: REFUSED_TOKEN_WEIGHT, callers: REFUSED_TOKENS, verb: 'list', resource: PODS, namespace: 'any' };

function refusedToken(random: Random): ApiRequest {
  const request = habitual(random, TOKENLESS);
  const responseStatus = failure(401, 'Unauthorized', 'Unauthorized');
  return { ...request, shape: 'refused', responseStatus };
}

/** The next request of the cluster's traffic. */
export function createRequest(random: Random): ApiRequest {
  let ticket = random.below(HABITS_WEIGHT + URL_WEIGHT + SCAN_WEIGHT + REFUSED_TOKEN_WEIGHT);
  for (const habit of HABITS) {
    if (ticket < habit.weight) return habitual(random, habit);
    ticket -= habit.weight;
  }
  if (ticket < URL_WEIGHT) return urlRequest(random);
  return ticket < URL_WEIGHT + SCAN_WEIGHT ? scan(random) : refusedToken(random);
}
