/**
 * Rules, requests and outcomes in the words of the commands. Pure. Names of users and objects, and URLs, are chosen by
 * clients: all of it is escaped, and cut where it is long.
 */
import { cutEnd } from '../../event/columns.ts';
import type { Attributes, Held } from '../../event/policy/attributes.ts';
import type { Outcome } from '../../event/policy/outcome.ts';
import type { GroupResources, Mismatch, Rule, Verdict } from '../../event/policy/policy.ts';
import { escapeControl } from '../../observe/terminal.ts';

/** A URI may take kilobytes, and a rule may name hundreds of users. */
const WORD_COLUMNS = 100;
const WORDS_MAX = 8;

/** What a rule asks for, in few words. */
export function ruleText(rule: Rule): string {
  const parts = [
    ...part('users', rule.users),
    ...part('groups', rule.groups),
    ...part('verbs', rule.verbs),
    ...(rule.resources.length === 0 ? [] : [resourcesText(rule.resources)]),
    ...part('namespaces', rule.namespaces),
    ...part('URLs', rule.urls),
  ];
  return parts.length === 0 ? 'every request' : parts.join('; ');
}

/** Who asks for what: `ada: get pods/log "web-1" in namespace shop`. */
export function requestText({ user, verb, resource, path }: Attributes): string {
  const who = user === '' ? 'nobody' : word(user);
  const what = verb === '' ? 'a request for' : word(verb);
  if (resource === undefined) return `${who}: ${what} ${word(path)}`;
  const name = resource.name === '' ? '' : ` "${word(resource.name)}"`;
  const where = resource.namespace === '' ? '' : ` in namespace ${word(resource.namespace)}`;
  return `${who}: ${what} ${resourceText(resource)}${name}${where}`;
}

/** Why a rule does not match. */
export function mismatchText(rule: Rule, attributes: Attributes, mismatch: Mismatch): string {
  return `${hasText(attributes, mismatch)}; the rule ${wantsText(rule, mismatch)}`;
}

function hasText(attributes: Attributes, mismatch: Mismatch): string {
  const { user, groups, verb, resource, path } = attributes;
  const texts: Readonly<Record<Mismatch, string>> = {
    user: user === '' ? 'there is no user' : `the user is ${word(user)}`,
    group:
      groups.length === 0 ? 'the user is in no group' : `the user is in ${list(groups, 'and')}`,
    verb: verb === '' ? 'there is no verb' : `the verb is ${word(verb)}`,
    'no-resource': `the request is for the URL ${word(path)}`,
    url: `the URL is ${word(path)}`,
    ...resourceTexts(resource),
  };
  return texts[mismatch];
}

function resourceTexts(resource: Attributes['resource']) {
  const { namespace = '', name = '' } = resource ?? {};
  const text = resource === undefined ? '' : resourceText(resource);
  return {
    namespace: namespace === '' ? 'it is in no namespace' : `the namespace is ${word(namespace)}`,
    resource: `the resource is ${text}`,
    name: name === '' ? 'the request names no object' : `the name is ${word(name)}`,
    'is-resource': `the request is for the resource ${text}`,
  };
}

function wantsText(rule: Rule, mismatch: Mismatch): string {
  const wanted: Readonly<Record<Mismatch, () => string>> = {
    user: () => `wants ${list(rule.users, 'or')}`,
    group: () => `wants ${list(rule.groups, 'or')}`,
    verb: () => `wants ${list(rule.verbs, 'or')}`,
    'no-resource': () => 'is about resources',
    namespace: () => `wants ${list(rule.namespaces, 'or')}`,
    resource: () => `wants ${resourcesText(rule.resources)}`,
    name: () => `wants ${resourcesText(rule.resources)}`,
    'is-resource': () => 'is about other URLs',
    url: () => `wants ${list(rule.urls, 'or')}`,
  };
  return wanted[mismatch]();
}

/** What is shipped of the event. */
export function outcomeText(outcome: Outcome, { rule }: Verdict, held: Held): string {
  if (outcome.kind === 'drop') {
    if (outcome.why === 'stage') return `not shipped: the stage ${word(held.stage)} is omitted`;
    return `not shipped: ${rule === undefined ? 'no rule matches' : `rule ${rule} says None`}`;
  }
  if (outcome.kind === 'lower' && outcome.level === 'Metadata') {
    return 'shipped at level Metadata, without its bodies';
  }
  // They stand in bodies.
  const managed = outcome.omitManagedFields && held.level !== 'Metadata';
  if (outcome.kind === 'keep')
    return `shipped as it is${managed ? ', but for managed fields' : ''}`;
  return `shipped at level Request, without responseObject${managed ? ' and managed fields' : ''}`;
}

function resourceText({
  resource,
  group,
  subresource,
}: NonNullable<Attributes['resource']>): string {
  return word(inGroup(resource, group, subresource));
}

function resourcesText(resources: readonly GroupResources[]): string {
  return some(resources.map(groupText)).join(', ');
}

function groupText({ group, resources, names }: GroupResources): string {
  const patterns = resources.map((pattern) => {
    const [resource = '', ...rest] = pattern.split('/');
    return inGroup(resource, group, rest.join('/'));
  });
  const what =
    patterns.length === 0
      ? `everything of ${group === '' ? 'the core group' : group}`
      : list(patterns, 'and');
  return `${what}${names.size === 0 ? '' : ` named ${list(names, 'or')}`}`;
}

/** `pods/log`, `deployments.apps/scale`, as kubectl writes them. */
function inGroup(resource: string, group: string, subresource: string): string {
  return `${resource}${group === '' ? '' : `.${group}`}${subresource === '' ? '' : `/${subresource}`}`;
}

function part(what: string, words: Iterable<string>): readonly string[] {
  const all = [...words];
  return all.length === 0 ? [] : [`${what} ${list(all, 'and')}`];
}

/** `a, b and c`; the empty word is shown as such. */
function list(words: Iterable<string>, last: 'and' | 'or'): string {
  const shown = some([...words].map((one) => (one === '' ? '""' : word(one))));
  if (shown.length < 2) return shown.join('');
  return `${shown.slice(0, -1).join(', ')} ${last} ${shown.at(-1)}`;
}

function some(words: readonly string[]): readonly string[] {
  if (words.length <= WORDS_MAX) return words;
  return [...words.slice(0, WORDS_MAX), `${words.length - WORDS_MAX} more`];
}

function word(text: string): string {
  return cutEnd(escapeControl(text), WORD_COLUMNS);
}
