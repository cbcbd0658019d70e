/**
 * An audit policy, and which of its rules a request matches: the first one, exactly as in kube-apiserver (ruleMatches in
 * pkg/audit/policy/checker.go). Pure; knows neither files nor events.
 */
import type { Attributes } from './attributes.ts';

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof LEVELS)[number];

export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;

export interface Verdict {
  /** The first rule that matches, counted from 1; undefined when none does: then the level is None. */
  readonly rule: number | undefined;
  readonly level: Level;
  /** Union of the policy's and the rule's. */
  readonly omitStages: ReadonlySet<string>;
  readonly omitManagedFields: boolean;
}

export interface GroupResources {
  readonly group: string;
  /** Empty: all of the group. */
  readonly resources: readonly string[];
  /** Empty: any name, or none. */
  readonly names: ReadonlySet<string>;
}

/** Empty lists ask for nothing. */
export interface Rule {
  readonly users: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly verbs: ReadonlySet<string>;
  readonly resources: readonly GroupResources[];
  /** The empty one: what is in no namespace. */
  readonly namespaces: ReadonlySet<string>;
  readonly urls: readonly string[];
  /** What a request gets that matches. */
  readonly verdict: Verdict;
  /** Where it begins in its file, counted from 1. */
  readonly line: number;
}

export interface Policy {
  readonly rules: readonly Rule[];
  /** What a request gets that matches no rule. */
  readonly otherwise: Verdict;
}

/** What of a rule the request does not meet first. */
export type Mismatch =
  | 'user'
  | 'group'
  | 'verb'
  /** The rule is about resources, and the request about none. */
  | 'no-resource'
  | 'namespace'
  | 'resource'
  | 'name'
  /** The rule is about URLs, and the request about a resource. */
  | 'is-resource'
  | 'url';

/** Attributes of which a name and a path are not known. */
export type Unnamed = Pick<Attributes, 'user' | 'groups' | 'verb'> & {
  readonly resource: Omit<NonNullable<Attributes['resource']>, 'name'> | undefined;
};

export function judge(policy: Policy, attributes: Attributes): Verdict {
  const rule = policy.rules.find((one) => mismatchOf(one, attributes) === undefined);
  return rule?.verdict ?? policy.otherwise;
}

/** What is known without name and path: undefined when a rule asks for them before another one matches. */
export function judgeWithoutName(policy: Policy, attributes: Unnamed): Verdict | undefined {
  for (const rule of policy.rules) {
    const mismatch = firstMismatch(rule, attributes, undefined, undefined);
    if (mismatch === 'depends') return undefined;
    if (mismatch === undefined) return rule.verdict;
  }
  return policy.otherwise;
}

/** @returns undefined when the request matches. */
export function mismatchOf(rule: Rule, attributes: Attributes): Mismatch | undefined {
  const { resource, path } = attributes;
  return firstMismatch(rule, attributes, resource?.name ?? '', path);
}

/** Without name and path it may depend on them. */
function firstMismatch(
  rule: Rule,
  attributes: Unnamed,
  name: undefined,
  path: undefined,
): Mismatch | 'depends' | undefined;
function firstMismatch(
  rule: Rule,
  attributes: Unnamed,
  name: string,
  path: string,
): Mismatch | undefined;
function firstMismatch(
  rule: Rule,
  { user, groups, verb, resource }: Unnamed,
  name: string | undefined,
  path: string | undefined,
): Mismatch | 'depends' | undefined {
  // A request without a user has no name, not an empty one.
  if (rule.users.size > 0 && (user === '' || !rule.users.has(user))) return 'user';
  if (rule.groups.size > 0 && !groups.some((group) => rule.groups.has(group))) return 'group';
  if (rule.verbs.size > 0 && !rule.verbs.has(verb)) return 'verb';
  if (rule.namespaces.size > 0 || rule.resources.length > 0) {
    if (resource === undefined) return 'no-resource';
    if (rule.namespaces.size > 0 && !rule.namespaces.has(resource.namespace)) return 'namespace';
    return resourceMismatch(rule.resources, resource, name);
  }
  if (rule.urls.length === 0) return undefined;
  if (resource !== undefined) return 'is-resource';
  if (path === undefined) return rule.urls.includes(ALL) ? undefined : 'depends';
  return rule.urls.some((url) => urlCovers(url, path)) ? undefined : 'url';
}

type Named = NonNullable<Unnamed['resource']>;

function resourceMismatch(
  asked: readonly GroupResources[],
  resource: Named,
  name: string | undefined,
): 'resource' | 'name' | 'depends' | undefined {
  if (asked.length === 0) return undefined;
  const matching = asked.filter((one) => isAbout(one, resource));
  if (matching.length === 0) return 'resource';
  if (matching.some(({ names }) => names.size === 0)) return undefined;
  if (name === undefined) return 'depends';
  return matching.some(({ names }) => names.has(name)) ? undefined : 'name';
}

/** A group is a name and no pattern: `*` is none. */
function isAbout({ group, resources }: GroupResources, resource: Named): boolean {
  if (group !== resource.group) return false;
  return resources.length === 0 || resources.some((pattern) => resourceCovers(pattern, resource));
}

const ALL = '*';

/** `pods` is not about `pods/log`; `pods/*` is about both. */
function resourceCovers(pattern: string, { resource, subresource }: Named): boolean {
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  if (pattern === whole || pattern === ALL) return true;
  if (subresource !== '' && pattern === `*/${subresource}`) return true;
  return pattern === `${resource}/*`;
}

/** @param url of a rule: `*` stands for anything at its end, and nowhere else. */
export function urlCovers(url: string, path: string): boolean {
  if (url === path) return true;
  return url.endsWith(ALL) && path.startsWith(url.slice(0, -ALL.length));
}
