/** The text of a policy: what is taken, and what is refused, with its line and what to do. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { judge, type Policy } from '../../../src/event/policy/policy.ts';
import {
  POLICY_MAX_BYTES,
  PolicyError,
  readPolicy,
  type PolicyProblem,
} from '../../../src/event/policy/read-policy.ts';
import { reviewPolicy } from '../../../src/event/policy/review.ts';
import { podRequest, policyText, urlRequest } from '../../support/audit-policies.ts';
import { projectRoot } from '../../support/project.ts';

const HEAD = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n';
const READER = 'pkg/audit/policy/reader.go';
const READER_TEST = 'pkg/audit/policy/reader_test.go';
const VALIDATION = 'pkg/apis/audit/validation/validation.go';
const VALIDATION_TEST = 'pkg/apis/audit/validation/validation_test.go';

function problemsOf(text: string): readonly PolicyProblem[] {
  try {
    readPolicy(text);
  } catch (error) {
    if (error instanceof PolicyError) return error.problems;
    throw error;
  }
  return [];
}

/** `line:column path: message` */
function shown(text: string): readonly string[] {
  return problemsOf(text).map(({ line, column, path, message }) => {
    return `${line}:${column} ${path}: ${message}`;
  });
}

function withoutLines({ rules, otherwise }: Policy): unknown {
  return { otherwise, rules: rules.map(({ line: _line, ...rule }) => rule) };
}

describe('readPolicy takes', () => {
  const text = policyText([
    'level: None\nnonResourceURLs: [/healthz*, /version]',
    "level: Request\nusers: [ada]\nuserGroups: [staff]\nverbs: [create]\nresources: [{ group: '' }, { group: apps, resources: [deployments] }]\nnamespaces: [web, '']",
    'level: Metadata',
  ]);
  const expected = withoutLines(readPolicy(text));

  it(`every field of a rule, and where it stands [${READER_TEST} TestParser]`, () => {
    const [first, second, third] = readPolicy(text).rules;
    assert.deepEqual(first?.urls, ['/healthz*', '/version']);
    assert.deepEqual(second?.users, new Set(['ada']));
    assert.deepEqual(second?.groups, new Set(['staff']));
    assert.deepEqual(second?.verbs, new Set(['create']));
    assert.deepEqual(second?.namespaces, new Set(['web', '']));
    assert.deepEqual(second?.resources, [
      { group: '', resources: [], names: new Set() },
      { group: 'apps', resources: ['deployments'], names: new Set() },
    ]);
    assert.equal(third?.verdict.level, 'Metadata');
    assert.deepEqual([first?.line, second?.line, third?.line], [5, 7, 13]);
  });

  const same: readonly (readonly [string, string])[] = [
    [`the older version [${READER_TEST} TestParser]`, text.replace('/v1', '/v1beta1')],
    ['a byte order mark', `\ufeff${text}`],
    ['lines that end with CR LF', text.replaceAll('\n', '\r\n')],
    ['a line --- at the beginning', `---\n${text}`],
    [
      'metadata',
      text.replace(
        'kind: Policy\n',
        'kind: Policy\nmetadata: { name: a, creationTimestamp: null }\n',
      ),
    ],
    ['fields without a value, which are left out', `${text}  users:\n  omitStages: null\n`],
    ['an anchor and its alias', text.replace('[web,', '&a [web,').concat('  namespaces: []\n')],
  ];
  for (const [name, other] of same) {
    it(name, () => assert.deepEqual(withoutLines(readPolicy(other)), expected));
  }

  it('JSON, in one line or indented with tabs', () => {
    const value = {
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      rules: [{ level: 'Metadata', users: ['ada'], resources: [{ group: 'apps' }] }],
    };
    for (const indent of [undefined, 2, '\t']) {
      const { rules } = readPolicy(JSON.stringify(value, null, indent));
      assert.deepEqual(rules[0]?.users, new Set(['ada']));
      assert.deepEqual(rules[0]?.resources, [{ group: 'apps', resources: [], names: new Set() }]);
    }
  });

  it('the merge key and booleans of YAML 1.1, as sigs.k8s.io/yaml does', () => {
    const { rules } = readPolicy(
      policyText(
        ['&a\nlevel: Metadata\nusers: [ada]', '<<: *a\nlevel: Request\nomitManagedFields: no'],
        'omitManagedFields: yes',
      ),
    );
    assert.deepEqual(rules[1]?.users, new Set(['ada']));
    assert.equal(rules[1]?.verdict.level, 'Request');
    assert.equal(rules[0]?.verdict.omitManagedFields, true);
    assert.equal(rules[1]?.verdict.omitManagedFields, false);
  });

  it('dates and times of day as texts, as sigs.k8s.io/yaml does', () => {
    const { rules } = readPolicy(policyText(['level: None\nnamespaces: [2026-01-02, 12:30:45]']));
    assert.deepEqual(rules[0]?.namespaces, new Set(['2026-01-02', '12:30:45']));
  });

  it('the example of docs/policy.md, in which each rule decides something', () => {
    const policy = readPolicy(
      readFileSync(join(projectRoot(), 'docs', 'policy-example.yaml'), 'utf8'),
    );
    const proxy = { user: 'system:kube-proxy', verb: 'watch' };
    const requests = [
      podRequest(),
      podRequest({ subresource: 'log' }),
      podRequest({ resource: 'configmaps', name: 'leader-lock' }),
      podRequest({ resource: 'endpoints', name: '' }, proxy),
      urlRequest('/version'),
      podRequest({ resource: 'configmaps', namespace: 'kube-system' }),
      podRequest({ resource: 'secrets' }),
      podRequest({ group: 'apps', resource: 'deployments' }),
      podRequest({ group: 'batch', resource: 'jobs' }),
    ];
    const rules = requests.map((request) => judge(policy, request).rule);
    assert.deepEqual(rules, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(reviewPolicy(policy), []);
    const last = judge(policy, podRequest({ group: 'batch' }));
    assert.deepEqual(last.omitStages, new Set(['RequestReceived', 'ResponseStarted']));
  });

  const folder = join(projectRoot(), 'manifests', 'auditing');
  for (const name of readdirSync(folder).filter((one) => one.startsWith('policy-'))) {
    it(`manifests/auditing/${name}`, () => {
      const policy = readPolicy(readFileSync(join(folder, name), 'utf8'));
      const secret = podRequest({ resource: 'secrets' });
      assert.ok(['None', 'Metadata'].includes(judge(policy, secret).level));
      assert.ok(policy.rules.length > 2);
    });
  }
});

describe('readPolicy refuses', () => {
  const bad: readonly (readonly [name: string, text: string, ...problems: string[]])[] = [
    [
      `an empty file [${READER_TEST} TestPolicyCntCheck]`,
      '',
      '1:1 : is empty; write a policy: apiVersion: audit.k8s.io/v1, kind, rules',
    ],
    [
      `a policy without rules [${READER_TEST} TestPolicyCntCheck]`,
      HEAD,
      '1:1 rules: has no rules: nothing would be kept; write at least one',
    ],
    [
      'an empty list of rules',
      `${HEAD}rules: []\n`,
      '3:1 rules: has no rules: nothing would be kept; write at least one',
    ],
    [
      `one without version and kind [${READER_TEST} TestParsePolicyWithNoVersionOrKind]`,
      'rules: [{ level: None }]\n',
      '1:1 : has no apiVersion; write apiVersion: audit.k8s.io/v1',
      '1:1 : has no kind; write kind: Policy',
    ],
    [
      `another version and kind [${READER} apiGroupVersionSet]`,
      'apiVersion: audit.k8s.io/v2\nkind: Event\nrules: [{ level: None }]\n',
      '1:1 apiVersion: must be audit.k8s.io/v1 or audit.k8s.io/v1beta1',
      '2:1 kind: must be Policy',
    ],
    [
      'a list',
      '- level: None\n',
      '1:1 : must hold fields: apiVersion, kind, metadata, rules, omitStages, omitManagedFields',
      '1:1 : has no apiVersion; write apiVersion: audit.k8s.io/v1',
      '1:1 : has no kind; write kind: Policy',
      '1:1 rules: has no rules: nothing would be kept; write at least one',
    ],
    [
      `a rule without a level [${VALIDATION_TEST} "Empty rule", "Missing level"]`,
      `${HEAD}rules:\n- verbs: [get]\n- {}\n- level:\n- level: ''\n`,
      '4:3 rules[0].level: a rule must say its level: None, Metadata, Request or RequestResponse',
      '5:3 rules[1].level: a rule must say its level: None, Metadata, Request or RequestResponse',
      '6:3 rules[2].level: a rule must say its level: None, Metadata, Request or RequestResponse',
      '7:3 rules[3].level: a rule must say its level: None, Metadata, Request or RequestResponse',
    ],
    [
      `a level that is none [${VALIDATION_TEST} "Invalid Level"]`,
      `${HEAD}rules:\n- level: FooBar\n- level: metadata\n- level: [None]\n`,
      '4:3 rules[0].level: "FooBar" is no level: None, Metadata, Request or RequestResponse',
      '5:3 rules[1].level: "metadata" is no level; did you mean "Metadata"?',
      '6:3 rules[2].level: must be a text',
    ],
    [
      `URLs and namespaces in one rule [${VALIDATION_TEST} "NonResourceURLs + Namespaces"]`,
      policyText(['level: None\nnamespaces: [web]\nnonResourceURLs: [/logs*]']),
      '7:3 rules[0].nonResourceURLs: a rule cannot be about both resources and other URLs; make two of it',
    ],
    [
      `URLs and resources in one rule [${VALIDATION_TEST} "NonResourceURLs + ResourceKinds"]`,
      policyText(["level: None\nnonResourceURLs: ['*']\nresources: [{ resources: [secrets] }]"]),
      '6:3 rules[0].nonResourceURLs: a rule cannot be about both resources and other URLs; make two of it',
    ],
    [
      `a group with its version [${VALIDATION_TEST} "invalid group name"]`,
      policyText(['level: None\nresources: [{ group: apps/v1 }]']),
      '6:17 rules[0].resources[0].group: "apps/v1" is not the name of an API group; leave the version out; "" is the core group, and no sign stands for all',
    ],
    [
      `a group for all, and capital letters [${VALIDATION} NameIsDNSSubdomain]`,
      policyText([
        `level: None\nresources: [{ group: '*' }, { group: Apps }, { group: ${'a'.repeat(254)} }]`,
      ]),
      '6:17 rules[0].resources[0].group: "*" is not the name of an API group; "" is the core group, and no sign stands for all',
      '6:33 rules[0].resources[1].group: "Apps" is not the name of an API group; "" is the core group, and no sign stands for all',
      `6:50 rules[0].resources[2].group: "${'a'.repeat(64)}" is not the name of an API group; "" is the core group, and no sign stands for all`,
    ],
    [
      `names without resources [${VALIDATION} validateResources]`,
      policyText(['level: None\nresources: [{ group: apps, resourceNames: [a] }]']),
      '6:30 rules[0].resources[0].resourceNames: say of which resources these are the names',
    ],
    [
      `URLs that are none [${VALIDATION_TEST} "invalid non-resource URLs", "empty non-resource URLs"]`,
      policyText(["level: None\nnonResourceURLs: [logs, '', /healthz*]"]),
      '6:21 rules[0].nonResourceURLs[0]: "logs" must begin with "/", or be "*"',
      '6:27 rules[0].nonResourceURLs[1]: "" must begin with "/", or be "*"',
    ],
    [
      `a * inside of a URL [${VALIDATION_TEST} "invalid non-resource URLs with multi *", "with * not in the end"]`,
      policyText(['level: None\nnonResourceURLs: [/logs/*/*, /logs/*.log, /a**]']),
      '6:21 rules[0].nonResourceURLs[0]: in "/logs/*/*" a "*" may only be the last character',
      '6:32 rules[0].nonResourceURLs[1]: in "/logs/*.log" a "*" may only be the last character',
      '6:45 rules[0].nonResourceURLs[2]: in "/a**" a "*" may only be the last character',
    ],
    [
      `stages that are none [${VALIDATION} validateOmitStages]`,
      policyText(['level: None\nomitStages: [Panic, ResponseStarting]'], 'omitStages: [x]'),
      '3:14 omitStages[0]: "x" is no stage: RequestReceived, ResponseStarted, ResponseComplete or Panic',
      '6:23 rules[0].omitStages[1]: "ResponseStarting" is no stage; did you mean "ResponseStarted"?',
    ],
    [
      'fields that nobody knows, also those in other letters [runtime/serializer/json strict decoding]',
      `${HEAD}omitstages: []\nmetadata: { nam: x }\nrules:\n- level: None\n  user: [ada]\n  resources: [{ group: '', names: [] }]\n`,
      '3:1 omitstages: there is no field "omitstages" here; did you mean "omitStages"?',
      '4:13 metadata.nam: there is no field "nam" here; did you mean "name"?',
      '7:3 rules[0].user: there is no field "user" here; did you mean "users"?',
      '8:28 rules[0].resources[0].names: there is no field "names" here',
    ],
    [
      'a field that stands there twice [strict decoding]',
      `${HEAD}rules:\n- level: None\n  level: Request\n`,
      '5:3 : this key stands in the file twice; remove one',
    ],
    ['what is no list', `${HEAD}rules: 3\n`, '3:1 rules: must be a list'],
    [
      'what is no list of texts',
      policyText(['level: None\nverbs: get\nusers: [1234, null, { a: b }]\nresources: pods']),
      '6:3 rules[0].verbs: must be a list',
      '7:11 rules[0].users[0]: YAML takes this for a number; put it in quotes',
      '7:17 rules[0].users[1]: has no value; write "" if it is to be empty',
      '7:23 rules[0].users[2]: must be a text',
      '8:3 rules[0].resources: must be a list',
    ],
    [
      'words that mean true and false in YAML 1.1 [sigs.k8s.io/yaml]',
      policyText(['level: None\nusers: [yes, On, n]']),
      '6:11 rules[0].users[0]: YAML takes this for a boolean; put it in quotes',
      '6:16 rules[0].users[1]: YAML takes this for a boolean; put it in quotes',
      '6:20 rules[0].users[2]: YAML takes this for a boolean; put it in quotes',
    ],
    [
      'a flag that is none',
      policyText(['level: None\nomitManagedFields: maybe'], 'omitManagedFields: 1'),
      '3:1 omitManagedFields: must be true or false',
      '6:3 rules[0].omitManagedFields: must be true or false',
    ],
    [
      'a second document, which kube-apiserver would not read',
      `${HEAD}rules: [{ level: None }]\n---\nkind: Policy\n`,
      '4:1 : a second document begins here; keep one, and remove the line "---"',
    ],
    [
      'an alias without its anchor',
      `${HEAD}rules: [{ level: None, users: [*everybody] }]\n`,
      '1:1 : a value that begins with "*" is an alias to YAML; put it in quotes',
    ],
    [
      'control characters, which it shows as such',
      policyText(['level: "\\e[31mred"']),
      '5:3 rules[0].level: "\\x1b[31mred" is no level: None, Metadata, Request or RequestResponse',
    ],
  ];
  for (const [name, text, ...problems] of bad) {
    it(name, () => assert.deepEqual(shown(text), problems));
  }

  it('aliases that grow without end', () => {
    const levels = Array.from({ length: 12 }, (_, i) => {
      const inner = i === 0 ? '"x"' : Array.from({ length: 10 }, () => `*l${i - 1}`).join(', ');
      return `l${i}: &l${i} [${inner}]`;
    });
    const [problem] = shown(`${HEAD}${levels.join('\n')}\n`);
    assert.match(problem ?? '', /not valid YAML: Excessive alias count/);
  });

  it('a file that is too large, and does not read it', () => {
    const [problem] = shown(`${HEAD}# ${'x'.repeat(POLICY_MAX_BYTES)}\n`);
    assert.match(problem ?? '', /larger than 1 MiB/);
  });

  it('a file of mistakes with a bounded number of problems', () => {
    assert.equal(problemsOf(policyText(Array.from({ length: 500 }, () => 'level: x'))).length, 100);
  });

  it('whatever it is, with an error that says the first of it', () => {
    assert.throws(() => readPolicy(`${HEAD}rules: 3\n`), {
      message: 'the policy is wrong in line 3: must be a list',
    });
  });
});
