/**
 * What kube-apiserver takes in a policy, and hardly anybody can mean: rules that are never reached, and words that match
 * nothing. Only what is certain without a single event. Pure.
 */
import { urlCovers, type GroupResources, type Policy, type Rule } from './policy.ts';

export interface Doubt {
  /** Counted from 1. */
  readonly rule: number;
  readonly line: number;
  readonly message: string;
}

/** In the order of the rules. */
export function reviewPolicy({ rules }: Policy): readonly Doubt[] {
  return rules.flatMap((rule, index) => {
    const doubts = [...coverDoubts(rule, rules.slice(0, index)), ...wordDoubts(rule)];
    return doubts.map((message) => ({ rule: index + 1, line: rule.line, message }));
  });
}

// --- rules that are never reached ---

function coverDoubts(rule: Rule, before: readonly Rule[]): readonly string[] {
  const index = before.findIndex((earlier) => covers(earlier, rule));
  const earlier = before[index];
  if (earlier === undefined) return [];
  const where = `rule ${index + 1} (line ${earlier.line})`;
  return [`it is never reached: whatever matches it matches ${where} first`];
}

/** Whether whatever matches the later rule matches the earlier one. Not all of such pairs are found. */
function covers(earlier: Rule, later: Rule): boolean {
  return (
    asksNoMore(earlier.users, later.users) &&
    asksNoMore(earlier.groups, later.groups) &&
    asksNoMore(earlier.verbs, later.verbs) &&
    coversWhat(earlier, later)
  );
}

/** An empty list asks for nothing. */
function asksNoMore(earlier: ReadonlySet<string>, later: ReadonlySet<string>): boolean {
  if (earlier.size === 0) return true;
  return later.size > 0 && [...later].every((word) => earlier.has(word));
}

function coversWhat(earlier: Rule, later: Rule): boolean {
  if (isAboutResources(earlier)) {
    return (
      isAboutResources(later) &&
      asksNoMore(earlier.namespaces, later.namespaces) &&
      coversResources(earlier.resources, later.resources)
    );
  }
  if (earlier.urls.length === 0) return true;
  if (later.urls.length === 0 || isAboutResources(later)) return false;
  return later.urls.every((url) => earlier.urls.some((one) => urlCovers(one, url)));
}

function isAboutResources({ resources, namespaces }: Rule): boolean {
  return resources.length > 0 || namespaces.size > 0;
}

function coversResources(
  earlier: readonly GroupResources[],
  later: readonly GroupResources[],
): boolean {
  if (earlier.length === 0) return true;
  if (later.length === 0) return false;
  return later.every((group) => {
    const patterns = group.resources.length === 0 ? ['*'] : group.resources;
    return patterns.every((pattern) => earlier.some((one) => coversPattern(one, group, pattern)));
  });
}

function coversPattern(earlier: GroupResources, later: GroupResources, pattern: string): boolean {
  if (earlier.group !== later.group || !asksNoMore(earlier.names, later.names)) return false;
  if (earlier.resources.length === 0) return true;
  const [resource = '', subresource] = pattern.split('/');
  return earlier.resources.some((one) => {
    if (one === '*' || one === pattern) return true;
    if (resource !== '*' && one === `${resource}/*`) return true;
    return subresource !== undefined && subresource !== '*' && one === `*/${subresource}`;
  });
}

// --- words that match nothing ---

/** All that a request for a resource can have (NewRequestInfo in pkg/endpoints/request/requestinfo.go). */
const RESOURCE_VERBS: ReadonlySet<string> = new Set([
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
  'proxy',
]);
/** `pods`, `pods/log`, `pods/*`, `*` and `*` before a subresource. */
const PATTERN = /^(?:\*|[a-z0-9.-]+)(?:\/(?:\*|[a-z0-9.-]+))?$/;

function wordDoubts(rule: Rule): readonly string[] {
  const names = rule.resources.flatMap((group) => [...group.names]);
  return [
    ...starDoubts('users', rule.users),
    ...starDoubts('userGroups', rule.groups),
    ...starDoubts('verbs', rule.verbs),
    ...starDoubts('namespaces', rule.namespaces),
    ...starDoubts('resourceNames', new Set(names)),
    ...[...rule.verbs].filter((verb) => verb !== '*').flatMap((verb) => verbDoubts(verb, rule)),
    ...rule.resources.flatMap(({ resources }) => resources.flatMap(patternDoubts)),
  ];
}

function starDoubts(field: string, words: ReadonlySet<string>): readonly string[] {
  if (!words.has('*')) return [];
  return [`"*" in ${field} matches nothing: it is no sign for all; leave ${field} out for that`];
}

function verbDoubts(verb: string, rule: Rule): readonly string[] {
  if (verb !== verb.toLowerCase()) {
    return [`the verb "${verb}" matches nothing: verbs are in small letters`];
  }
  if (!isAboutResources(rule) || RESOURCE_VERBS.has(verb)) return [];
  return [`the verb "${verb}" matches nothing: no request for a resource has it`];
}

function patternDoubts(pattern: string): readonly string[] {
  if (pattern !== '*/*' && PATTERN.test(pattern)) return [];
  const hint = '"pods", "pods/log", "pods/*", "*/log" and "*" are what there is';
  return [`the resource "${pattern}" matches nothing: ${hint}`];
}
