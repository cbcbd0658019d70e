/**
 * An audit policy from its text: YAML or JSON, audit.k8s.io/v1 or v1beta1. What kube-apiserver refuses is refused
 * (pkg/apis/audit/validation/validation.go), and what it only warns of, such as a field that it does not know, as well:
 * all problems at once, each with its line. Pure; knows no files.
 */
import { nearestHint } from '../../config/nearest.ts';
import { escapeControl } from '../../observe/terminal.ts';
import { pathText, readYaml, type Place, type ValuePath } from '../../yaml-text.ts';
import {
  LEVELS,
  STAGES,
  type GroupResources,
  type Level,
  type Policy,
  type Rule,
  type Verdict,
} from './policy.ts';

export interface PolicyProblem extends Place {
  /** `rules[2].verbs`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** All that is wrong with a policy. */
export class PolicyError extends Error {
  readonly problems: readonly PolicyProblem[];

  constructor(problems: readonly PolicyProblem[]) {
    const [first] = problems;
    super(`the policy is wrong in line ${first?.line ?? 1}: ${first?.message ?? ''}`);
    this.problems = problems;
  }
}

/** The largest that are published take some KiB; more is another file named by mistake, such as an audit log. */
export const POLICY_MAX_BYTES = 1024 * 1024;
/** More of them help nobody. */
const PROBLEMS_MAX = 100;
/** Of a word that is wrong: names of Kubernetes are shorter. */
const QUOTED_CHARS_MAX = 64;

const VERSIONS = ['audit.k8s.io/v1', 'audit.k8s.io/v1beta1'];
const KIND = 'Policy';
const POLICY_FIELDS = [
  'apiVersion',
  'kind',
  'metadata',
  'rules',
  'omitStages',
  'omitManagedFields',
] as const;
const RULE_FIELDS = [
  'level',
  'users',
  'userGroups',
  'verbs',
  'resources',
  'namespaces',
  'nonResourceURLs',
  'omitStages',
  'omitManagedFields',
] as const;
const GROUP_FIELDS = ['group', 'resources', 'resourceNames'] as const;
/** Of ObjectMeta. What is in them means nothing to a policy. */
const METADATA_FIELDS = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
] as const;
/** A DNS subdomain (IsDNS1123Subdomain in pkg/util/validation/validation.go). */
const GROUP_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const GROUP_NAME_CHARS_MAX = 253;

/** @throws PolicyError */
export function readPolicy(text: string): Policy {
  if (text.length > POLICY_MAX_BYTES) {
    const size = `${POLICY_MAX_BYTES / 1024 / 1024} MiB`;
    throw new PolicyError([atTop(`is larger than ${size}: it is no policy; name another file`)]);
  }
  const yaml = readYaml(text, 'kubernetes');
  if (!yaml.ok) {
    throw new PolicyError(
      yaml.problems.map(({ place, message }) => ({ ...atTop(message), ...place })),
    );
  }
  if (yaml.value === null) {
    throw new PolicyError([
      atTop(`is empty; write a policy: apiVersion: ${VERSIONS[0]}, kind, rules`),
    ]);
  }
  const reader = new PolicyReader(yaml.placeOf);
  const policy = reader.policy(yaml.value);
  if (reader.problems.length > 0) {
    throw new PolicyError(
      reader.problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
    );
  }
  return policy;
}

function atTop(message: string): PolicyProblem {
  return { line: 1, column: 1, path: '', message };
}

type Fields<Key extends string> = Readonly<Partial<Record<Key, unknown>>>;

/** Reads what it can, and keeps what is wrong. A value that is null is one that is left out, as in Go. */
class PolicyReader {
  readonly problems: PolicyProblem[] = [];
  readonly #placeOf: (path: ValuePath) => Place;

  constructor(placeOf: (path: ValuePath) => Place) {
    this.#placeOf = placeOf;
  }

  policy(value: unknown): Policy {
    const fields = this.#fields(value, [], POLICY_FIELDS);
    this.#constant(fields, 'apiVersion', VERSIONS);
    this.#constant(fields, 'kind', [KIND]);
    this.#fields(fields.metadata ?? {}, ['metadata'], METADATA_FIELDS);
    const omitStages = new Set(this.#stages(fields.omitStages, ['omitStages']));
    const omitManagedFields = this.#flag(fields.omitManagedFields, ['omitManagedFields']) ?? false;
    const otherwise: Verdict = { rule: undefined, level: 'None', omitStages, omitManagedFields };
    const values = this.#list(fields.rules, ['rules']);
    if (values?.length === 0) {
      this.#complain(['rules'], 'has no rules: nothing would be kept; write at least one');
    }
    const rules = (values ?? []).map((one, index) => this.#rule(one, index, otherwise));
    return { rules, otherwise };
  }

  /** @param all what the policy says of all requests. */
  #rule(value: unknown, index: number, all: Verdict): Rule {
    const path = ['rules', index];
    const fields = this.#fields(value, path, RULE_FIELDS);
    const texts = (key: (typeof RULE_FIELDS)[number]): ReadonlySet<string> =>
      new Set(this.#texts(fields[key], [...path, key]));
    const omitStages = this.#stages(fields.omitStages, [...path, 'omitStages']);
    const omitManagedFields = this.#flag(fields.omitManagedFields, [...path, 'omitManagedFields']);
    const verdict: Verdict = {
      rule: index + 1,
      level: this.#level(fields.level, [...path, 'level']),
      omitStages: new Set([...all.omitStages, ...omitStages]),
      omitManagedFields: omitManagedFields ?? all.omitManagedFields,
    };
    const rule: Rule = {
      users: texts('users'),
      groups: texts('userGroups'),
      verbs: texts('verbs'),
      resources: this.#groups(fields.resources, [...path, 'resources']),
      namespaces: texts('namespaces'),
      urls: this.#urls(fields.nonResourceURLs, [...path, 'nonResourceURLs']),
      verdict,
      line: this.#placeOf(path).line,
    };
    if (rule.urls.length > 0 && (rule.resources.length > 0 || rule.namespaces.size > 0)) {
      const what = 'a rule cannot be about both resources and other URLs; make two of it';
      this.#complain([...path, 'nonResourceURLs'], what);
    }
    return rule;
  }

  #groups(value: unknown, path: ValuePath): readonly GroupResources[] {
    return (this.#list(value, path) ?? []).map((one, index) => this.#group(one, [...path, index]));
  }

  #group(value: unknown, path: ValuePath): GroupResources {
    const fields = this.#fields(value, path, GROUP_FIELDS);
    const group = this.#text(fields.group ?? '', [...path, 'group']) ?? '';
    if (group !== '' && (group.length > GROUP_NAME_CHARS_MAX || !GROUP_NAME.test(group))) {
      const hint = group.includes('/') ? '; leave the version out' : '';
      const what = `${quoted(group)} is not the name of an API group${hint}`;
      this.#complain(
        [...path, 'group'],
        `${what}; "" is the core group, and no sign stands for all`,
      );
    }
    const resources = this.#texts(fields.resources, [...path, 'resources']);
    const names = this.#texts(fields.resourceNames, [...path, 'resourceNames']);
    if (names.length > 0 && resources.length === 0) {
      this.#complain([...path, 'resourceNames'], 'say of which resources these are the names');
    }
    return { group, resources, names: new Set(names) };
  }

  #level(value: unknown, path: ValuePath): Level {
    if (value === undefined || value === null || value === '') {
      this.#complain(path, `a rule must say its level: ${anyOf(LEVELS)}`);
      return 'None';
    }
    const text = this.#text(value, path);
    if (text !== undefined) this.#known(text, path, 'level', LEVELS);
    return LEVELS.find((one) => one === text) ?? 'None';
  }

  #stages(value: unknown, path: ValuePath): readonly string[] {
    return this.#texts(value, path, (stage, at) => this.#known(stage, at, 'stage', STAGES));
  }

  #urls(value: unknown, path: ValuePath): readonly string[] {
    return this.#texts(value, path, (url, at) => {
      if (url === '*') return;
      if (!url.startsWith('/')) {
        this.#complain(at, `${quoted(url)} must begin with "/", or be "*"`);
      } else if (url.slice(0, -1).includes('*')) {
        this.#complain(at, `in ${quoted(url)} a "*" may only be the last character`);
      }
    });
  }

  #constant<Key extends string>(fields: Fields<Key>, key: Key, allowed: readonly string[]): void {
    const value = fields[key];
    if (value === undefined || value === null) {
      this.#complain([], `has no ${key}; write ${key}: ${allowed[0]}`);
    } else if (!allowed.some((one) => one === value)) {
      this.#complain([key], `must be ${anyOf(allowed)}`);
    }
  }

  #known(word: string, path: ValuePath, what: string, words: readonly string[]): void {
    if (words.includes(word)) return;
    const hint = nearestHint(word, words);
    this.#complain(
      path,
      `${quoted(word)} is no ${what}${hint === '' ? `: ${anyOf(words)}` : hint}`,
    );
  }

  #fields<Key extends string>(value: unknown, path: ValuePath, known: readonly Key[]): Fields<Key> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#complain(path, `must hold fields: ${known.join(', ')}`);
      return {} as Fields<Key>;
    }
    for (const key of Object.keys(value)) {
      if (known.some((one) => one === key)) continue;
      const hint = nearestHint(key, known);
      this.#complain([...path, key], `there is no field ${quoted(key)} here${hint}`);
    }
    return value as Fields<Key>;
  }

  /** @returns undefined, and says so, for what is no list. */
  #list(value: unknown, path: ValuePath): readonly unknown[] | undefined {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    this.#complain(path, 'must be a list');
    return undefined;
  }

  #texts(
    value: unknown,
    path: ValuePath,
    check: (text: string, path: ValuePath) => void = () => undefined,
  ): readonly string[] {
    return (this.#list(value, path) ?? []).flatMap((one, index) => {
      const text = this.#text(one, [...path, index]);
      if (text === undefined) return [];
      check(text, [...path, index]);
      return [text];
    });
  }

  #text(value: unknown, path: ValuePath): string | undefined {
    if (typeof value === 'string') return value;
    if (value === null) this.#complain(path, 'has no value; write "" if it is to be empty');
    else if (typeof value === 'object') this.#complain(path, 'must be a text');
    else this.#complain(path, `YAML takes this for a ${typeof value}; put it in quotes`);
    return undefined;
  }

  #flag(value: unknown, path: ValuePath): boolean | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'boolean') return value;
    this.#complain(path, 'must be true or false');
    return undefined;
  }

  #complain(path: ValuePath, message: string): void {
    if (this.problems.length >= PROBLEMS_MAX) return;
    this.problems.push({ ...this.#placeOf(path), path: pathText(path), message });
  }
}

/** A word of the policy's as it may be shown, and no more of it than helps to find it. */
function quoted(word: string): string {
  return `"${escapeControl(word.slice(0, QUOTED_CHARS_MAX))}"`;
}

function anyOf(words: readonly string[]): string {
  return [words.slice(0, -1).join(', '), ...words.slice(-1)]
    .filter((one) => one !== '')
    .join(' or ');
}
