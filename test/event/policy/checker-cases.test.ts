/**
 * The semantics of a policy, case by case, each with the place in kube-apiserver's source that it is derived from
 * (kubernetes/kubernetes, staging/src/k8s.io/apiserver).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Attributes } from '../../../src/event/policy/attributes.ts';
import { judge, mismatchOf, type Level, type Mismatch } from '../../../src/event/policy/policy.ts';
import { podRequest, policyOf, urlRequest } from '../../support/audit-policies.ts';

const CHECKER = 'pkg/audit/policy/checker.go';
const CHECKER_TEST = 'pkg/audit/policy/checker_test.go';

interface Case {
  readonly name: string;
  readonly source: string;
  readonly rules: readonly string[];
  readonly request: Attributes;
  readonly rule: number | undefined;
  readonly level: Level;
  /** Why the first rule does not match. */
  readonly mismatch?: Mismatch;
}

const POD = podRequest();
const LOG = podRequest({ subresource: 'log' });
const ROLE = podRequest({
  group: 'rbac.authorization.k8s.io',
  resource: 'clusterroles',
  namespace: '',
  name: 'edit',
});
const LIST = podRequest({ name: '' }, { verb: 'list', path: '/api/v1/namespaces/web/pods' });
const HEALTH = urlRequest('/healthz/etcd');
const NOBODY = podRequest({}, { user: '', groups: [] });

function rule(text: string): string {
  return `level: Metadata\n${text}`;
}

const BASICS: readonly Case[] = [
  {
    name: 'a rule that asks for nothing matches every request',
    source: `${CHECKER_TEST} TestChecker, rule "default"`,
    rules: ['level: Request'],
    request: POD,
    rule: 1,
    level: 'Request',
  },
  {
    name: 'also one for a URL',
    source: `${CHECKER_TEST} TestChecker, request "nonResource", rule "default"`,
    rules: ['level: Request'],
    request: HEALTH,
    rule: 1,
    level: 'Request',
  },
  {
    name: 'where no rule matches the level is None',
    source: `${CHECKER} DefaultAuditLevel; ${CHECKER_TEST} TestChecker, rule "create"`,
    rules: [rule('verbs: [create]')],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'verb',
  },
  {
    name: 'the first rule that matches decides, not the strictest',
    source: `${CHECKER} EvaluatePolicyRule; ${CHECKER_TEST} TestChecker, rules "getMetrics", "getPods", "default"`,
    rules: [
      rule('nonResourceURLs: [/metrics]'),
      'level: RequestResponse\nverbs: [get]',
      'level: None',
    ],
    request: POD,
    rule: 2,
    level: 'RequestResponse',
    mismatch: 'is-resource',
  },
  {
    name: 'empty lists ask for nothing',
    source: `${CHECKER} ruleMatches: len(...) > 0`,
    rules: [
      rule(
        'users: []\nuserGroups: []\nverbs: []\nresources: []\nnamespaces: []\nnonResourceURLs: []',
      ),
    ],
    request: POD,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'all that is asked for must be met',
    source: `${CHECKER} ruleMatches`,
    rules: [rule('users: [ada@example.com]\nuserGroups: [staff]\nverbs: [list]')],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'verb',
  },
];

const USERS: readonly Case[] = [
  {
    name: 'a user by the whole name',
    source: `${CHECKER_TEST} TestChecker, rule "tims"`,
    rules: [rule('users: [ada, ada@example.com]')],
    request: POD,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'no sign stands for all users',
    source: `${CHECKER} hasString`,
    rules: [rule("users: ['*']")],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'user',
  },
  {
    name: 'one of several groups is enough',
    source: `${CHECKER_TEST} TestChecker, rule "humans"`,
    rules: [rule('userGroups: [admins, staff]')],
    request: POD,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'another group is not',
    source: `${CHECKER_TEST} TestChecker, rule "serviceAccounts"`,
    rules: [rule('userGroups: [system:serviceaccounts]')],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'group',
  },
  {
    name: 'a request without a user meets no rule about users',
    source: `${CHECKER_TEST} TestChecker, request "Unauthorized", rules "tims", "default"`,
    rules: [rule("users: [ada@example.com, '']"), 'level: Request'],
    request: NOBODY,
    rule: 2,
    level: 'Request',
    mismatch: 'user',
  },
  {
    name: 'nor one about groups',
    source: `${CHECKER_TEST} TestChecker, request "Unauthorized", rules "humans", "default"`,
    rules: [rule('userGroups: [staff]'), 'level: Request'],
    request: NOBODY,
    rule: 2,
    level: 'Request',
    mismatch: 'group',
  },
];

const RESOURCES: readonly Case[] = [
  {
    name: 'a resource of the core group, which has no name',
    source: `${CHECKER_TEST} TestChecker, rule "getPods"`,
    rules: [rule("resources: [{ group: '', resources: [pods] }]")],
    request: POD,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'a group that is left out is the core group, and not all of them',
    source: `${CHECKER} ruleMatchesResource: gr.Group == apiGroup`,
    rules: [rule('resources: [{ resources: [clusterroles] }]')],
    request: ROLE,
    rule: undefined,
    level: 'None',
    mismatch: 'resource',
  },
  {
    name: 'a group without resources is about all of them',
    source: `${CHECKER} ruleMatchesResource: len(gr.Resources) == 0`,
    rules: [rule('resources: [{ group: rbac.authorization.k8s.io }]')],
    request: ROLE,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'also about their subresources',
    source: `${CHECKER} ruleMatchesResource: len(gr.Resources) == 0`,
    rules: [rule("resources: [{ group: '' }]")],
    request: LOG,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'a resource is not its subresource',
    source: `${CHECKER_TEST} TestChecker, request "cluster"/"subresource", rules "getPodLogs", "getPods"`,
    rules: [rule('resources: [{ resources: [pods] }]')],
    request: LOG,
    rule: undefined,
    level: 'None',
    mismatch: 'resource',
  },
  {
    name: 'nor the other way round',
    source: `${CHECKER_TEST} TestChecker, request "namespaced", rules "getPodLogs", "getPods"`,
    rules: [rule('resources: [{ resources: [pods/log] }]'), 'level: Request'],
    request: POD,
    rule: 2,
    level: 'Request',
    mismatch: 'resource',
  },
  {
    name: 'a subresource by both names',
    source: `${CHECKER_TEST} TestChecker, rule "getPodLogs"`,
    rules: [rule('resources: [{ resources: [pods/log] }]')],
    request: LOG,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: '* is about all resources and subresources',
    source: `${CHECKER_TEST} TestChecker, rule "getPodWildcardMatching"`,
    rules: [rule("resources: [{ resources: ['*'] }]")],
    request: LOG,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: '*/log is about the subresource of any resource',
    source: `${CHECKER_TEST} TestChecker, rule "getPodResourceWildcardMatching"`,
    rules: [rule("resources: [{ resources: ['*/log'] }]")],
    request: LOG,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: '*/log is not about a resource',
    source: `${CHECKER} ruleMatchesResource: len(subresource) > 0`,
    rules: [rule("resources: [{ resources: ['*/log'] }]")],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'resource',
  },
  {
    name: 'pods/* is about the subresources',
    source: `${CHECKER_TEST} TestChecker, rule "getPodSubResourceWildcardMatching"`,
    rules: [rule("resources: [{ resources: ['pods/*'] }]")],
    request: LOG,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'pods/* is about pods, too, whatever the documentation says',
    source: `${CHECKER} ruleMatchesResource: match "resource/*" does not look at the subresource`,
    rules: [rule("resources: [{ resources: ['pods/*'] }]")],
    request: POD,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: '*/* is about nothing',
    source: `${CHECKER} ruleMatchesResource: strings.TrimPrefix(res, "*/"), strings.TrimSuffix(res, "/*")`,
    rules: [rule("resources: [{ resources: ['*/*'] }]")],
    request: LOG,
    rule: undefined,
    level: 'None',
    mismatch: 'resource',
  },
  {
    name: '*/ is about nothing',
    source: `${CHECKER} ruleMatchesResource: len(subresource) > 0`,
    rules: [rule("resources: [{ resources: ['*/', 'pods/'] }]")],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'resource',
  },
  {
    name: 'one of several groups of resources is enough',
    source: `${CHECKER} ruleMatchesResource: range r.Resources`,
    rules: [rule('resources: [{ group: apps }, { resources: [secrets, pods] }]')],
    request: POD,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'a rule about resources is not about URLs',
    source: `${CHECKER_TEST} TestChecker, request "nonResource", rule "getPods"`,
    rules: [rule("resources: [{ resources: ['*'] }]")],
    request: HEALTH,
    rule: undefined,
    level: 'None',
    mismatch: 'no-resource',
  },
];

const NAMES: readonly Case[] = [
  {
    name: 'a name',
    source: `${CHECKER_TEST} TestChecker, rules "clusterRoleEdit", "getClusterRoles"`,
    rules: [
      rule(
        'resources: [{ group: rbac.authorization.k8s.io, resources: [clusterroles], resourceNames: [edit] }]',
      ),
    ],
    request: ROLE,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'another name',
    source: `${CHECKER} ruleMatchesResource: hasString(gr.ResourceNames, name)`,
    rules: [rule('resources: [{ resources: [pods], resourceNames: [front-2] }]')],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'name',
  },
  {
    name: 'a list has no name',
    source: `${CHECKER} ruleMatchesResource: hasString(gr.ResourceNames, name)`,
    rules: [rule('resources: [{ resources: [pods], resourceNames: [front-1] }]')],
    request: LIST,
    rule: undefined,
    level: 'None',
    mismatch: 'name',
  },
  {
    name: 'which is the empty one',
    source: `${CHECKER} ruleMatchesResource: hasString(gr.ResourceNames, name)`,
    rules: [rule("resources: [{ resources: [pods], resourceNames: [''] }]")],
    request: LIST,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'no sign stands for all names',
    source: `${CHECKER} hasString`,
    rules: [rule("resources: [{ resources: [pods], resourceNames: ['*'] }]")],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'name',
  },
  {
    name: 'the names of one group of resources are not those of another',
    source: `${CHECKER} ruleMatchesResource: range r.Resources`,
    rules: [
      rule(
        'resources: [{ resources: [pods], resourceNames: [front-2] }, { resources: [nodes], resourceNames: [front-1] }]',
      ),
    ],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'name',
  },
  {
    name: 'a subresource has the name of its resource',
    source: `${CHECKER} ruleMatchesResource: res == combinedResource`,
    rules: [rule('resources: [{ resources: [pods/log], resourceNames: [front-1] }]')],
    request: LOG,
    rule: 1,
    level: 'Metadata',
  },
];

const NAMESPACES: readonly Case[] = [
  {
    name: 'a namespace',
    source: `${CHECKER} ruleMatchesResource: len(r.Namespaces) > 0`,
    rules: [rule('namespaces: [web]')],
    request: POD,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'a rule about namespaces alone is about resources, and about no URL',
    source: `${CHECKER} ruleMatches: len(r.Namespaces) > 0 || len(r.Resources) > 0`,
    rules: [rule("namespaces: ['', web]")],
    request: HEALTH,
    rule: undefined,
    level: 'None',
    mismatch: 'no-resource',
  },
  {
    name: 'the empty one is that of resources without a namespace',
    source: `${CHECKER_TEST} TestChecker, request "cluster", rule "getClusterRoles"`,
    rules: [rule("namespaces: ['']")],
    request: ROLE,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'and not of those in one',
    source: `${CHECKER} ruleMatchesResource: "Non-namespaced resources use the empty string"`,
    rules: [rule("namespaces: ['']")],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'namespace',
  },
  {
    name: 'no sign stands for all namespaces',
    source: `${CHECKER} hasString`,
    rules: [rule("namespaces: ['*']")],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'namespace',
  },
];

const URLS: readonly Case[] = [
  {
    name: 'a URL as it is',
    source: `${CHECKER} pathMatches: exact match`,
    rules: [rule('nonResourceURLs: [/healthz/etcd]')],
    request: HEALTH,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'a URL is not its folder',
    source: `${CHECKER} pathMatches: exact match; ${CHECKER_TEST} TestChecker, rule "getMetrics"`,
    rules: [rule('nonResourceURLs: [/healthz, /healthz/]')],
    request: HEALTH,
    rule: undefined,
    level: 'None',
    mismatch: 'url',
  },
  {
    name: 'a beginning',
    source: `${CHECKER_TEST} TestChecker, rule "getLogs"`,
    rules: [rule('nonResourceURLs: [/healthz*]')],
    request: HEALTH,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'a beginning is also all of it',
    source: `${CHECKER} pathMatches: strings.HasPrefix`,
    rules: [rule('nonResourceURLs: [/healthz*]')],
    request: urlRequest('/healthz'),
    rule: 1,
    level: 'Metadata',
  },
  {
    name: '* is about every URL',
    source: `${CHECKER} pathMatches: spec == "*"`,
    rules: [rule("nonResourceURLs: ['*']")],
    request: HEALTH,
    rule: 1,
    level: 'Metadata',
  },
  {
    name: 'but about no resource',
    source: `${CHECKER} ruleMatchesNonResource; ${CHECKER_TEST} TestChecker, request "namespaced", rule "getLogs"`,
    rules: [rule("nonResourceURLs: ['*', /api/*]")],
    request: POD,
    rule: undefined,
    level: 'None',
    mismatch: 'is-resource',
  },
  {
    name: 'the verb of a URL is the method in small letters',
    source: 'pkg/endpoints/request/requestinfo.go NewRequestInfo: strings.ToLower(req.Method)',
    rules: [rule('verbs: [post]\nnonResourceURLs: [/healthz*]')],
    request: urlRequest('/healthz', { verb: 'post' }),
    rule: 1,
    level: 'Metadata',
  },
];

const CASES = [...BASICS, ...USERS, ...RESOURCES, ...NAMES, ...NAMESPACES, ...URLS];

describe('a policy', () => {
  for (const { name, source, rules, request, rule: expected, level, mismatch } of CASES) {
    it(`${name} [${source}]`, () => {
      const policy = policyOf(rules);
      const verdict = judge(policy, request);
      assert.deepEqual([verdict.rule, verdict.level], [expected, level]);
      const [first] = policy.rules;
      assert.ok(first);
      assert.equal(mismatchOf(first, request), mismatch);
    });
  }
});
