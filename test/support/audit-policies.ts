/** Policies and requests for tests: a policy from its rules, a request from what differs from a plain one. */
import * as fc from 'fast-check';
import type { Attributes } from '../../src/event/policy/attributes.ts';
import { LEVELS, STAGES, type Policy } from '../../src/event/policy/policy.ts';
import { readPolicy } from '../../src/event/policy/read-policy.ts';

/** @param rules YAML, a rule each. @param more further fields of the policy, such as `omitStages: [Panic]`. */
export function policyOf(rules: readonly string[], more = ''): Policy {
  return readPolicy(policyText(rules, more));
}

export function policyText(rules: readonly string[], more = ''): string {
  const list = rules.map((rule) => `- ${rule.trim().replaceAll('\n', '\n  ')}\n`).join('');
  return `apiVersion: audit.k8s.io/v1\nkind: Policy\n${more}\nrules:\n${list}`;
}

export type ResourceOf = NonNullable<Attributes['resource']>;

/** Somebody gets a pod. */
export function podRequest(
  resource: Partial<ResourceOf> = {},
  request: Partial<Attributes> = {},
): Attributes {
  const pod = { group: '', resource: 'pods', subresource: '', namespace: 'web', name: 'front-1' };
  return {
    user: 'ada@example.com',
    groups: ['staff', 'system:authenticated'],
    verb: 'get',
    path: '/api/v1/namespaces/web/pods/front-1',
    resource: { ...pod, ...resource },
    ...request,
  };
}

/** Somebody gets a URL. */
export function urlRequest(path: string, request: Partial<Attributes> = {}): Attributes {
  return podRequest({}, { path, resource: undefined, ...request });
}

// --- any of them, of few words, so that they meet ---

const USERS = ['ada', 'eve', ''];
const GROUPS = ['staff', 'system:nodes'];
const VERBS = ['get', 'list', 'create'];
const RESOURCES = ['pods', 'secrets'];
const SUBRESOURCES = ['', 'log', 'status'];
const API_GROUPS = ['', 'apps'];
const NAMESPACES = ['', 'web', 'kube-system'];
const NAMES = ['', 'a', 'b'];
const PATHS = ['/healthz', '/healthz/etcd', '/metrics', ''];
const PATTERNS = ['*', 'pods', 'secrets', 'pods/log', 'pods/*', '*/log', '*/status', '*/*'];
const URLS = ['*', '/healthz', '/healthz*', '/healthz/*', '/metrics', '/*'];

/** Few lists ask for something: rules that ask for all at once match nothing. */
function some(words: readonly string[]): fc.Arbitrary<readonly string[]> {
  const list = fc.uniqueArray(fc.constantFrom(...words), { maxLength: 3 });
  return fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: list });
}

const anyGroup = fc
  .record({ group: fc.constantFrom(...API_GROUPS), resources: some(PATTERNS), names: some(NAMES) })
  .map(({ group, resources, names }) => ({
    group,
    resources,
    ...(resources.length === 0 ? {} : { resourceNames: names }),
  }));

const aboutResources = fc.record({
  resources: fc.array(anyGroup, { maxLength: 2 }),
  namespaces: some(NAMESPACES),
});
const aboutUrls = fc.record({
  nonResourceURLs: fc.uniqueArray(fc.constantFrom(...URLS), { minLength: 1, maxLength: 2 }),
});

const anyRule = fc
  .tuple(
    fc.record({
      level: fc.constantFrom(...LEVELS),
      users: some(USERS),
      userGroups: some(GROUPS),
      verbs: some(VERBS),
      omitStages: some(STAGES),
      omitManagedFields: fc.constantFrom(null, true, false),
    }),
    fc.oneof(fc.constant({}), aboutResources, aboutUrls),
  )
  .map(([who, what]) => ({ ...who, ...what }));

export const anyPolicy: fc.Arbitrary<Policy> = fc
  .record({
    rules: fc.array(anyRule, { minLength: 1, maxLength: 6 }),
    omitStages: some(STAGES),
    omitManagedFields: fc.boolean(),
  })
  .map((policy) =>
    readPolicy(JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', ...policy })),
  );

const anyResource: fc.Arbitrary<ResourceOf> = fc.record({
  group: fc.constantFrom(...API_GROUPS),
  resource: fc.constantFrom(...RESOURCES),
  subresource: fc.constantFrom(...SUBRESOURCES),
  namespace: fc.constantFrom(...NAMESPACES),
  name: fc.constantFrom(...NAMES),
});

export const anyRequest: fc.Arbitrary<Attributes> = fc.record({
  user: fc.constantFrom(...USERS),
  groups: fc.uniqueArray(fc.constantFrom(...GROUPS)),
  verb: fc.constantFrom(...VERBS),
  resource: fc.option(anyResource, { nil: undefined }),
  path: fc.constantFrom(...PATHS),
});
